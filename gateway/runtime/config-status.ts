import type { ReadResult } from '../config/handover.ts'
import type { Diagnostic } from '../config/document/diagnostics.ts'
import type { restartFields, Settings } from '../config/static-fields.ts'

/** What operators are told about the configuration. */
export interface ConfigStatus {
  readonly revision: string
  readonly appliedAt: string
  /** Since when the files have said something else than what is in force; absent where they do not. */
  readonly pending?: { readonly since: string; readonly seconds: number } | undefined
  readonly lastReload: {
    readonly successful: boolean
    readonly at: string
    readonly diagnostics: readonly Pick<
      Diagnostic,
      'code' | 'severity' | 'message' | 'help' | 'file' | 'line' | 'column'
    >[]
    /** Number of further diagnostics; absent for none. */
    readonly omitted?: number
  }
}

/** Returns what operators are told of an attempt to apply what was read. */
export function report(
  { diagnostics, omitted }: Pick<ReadResult, 'diagnostics' | 'omitted'>,
  successful: boolean,
): ConfigStatus['lastReload'] {
  return {
    successful,
    at: new Date().toISOString(),
    diagnostics: diagnostics.map(({ code, severity, message, help, file, line, column }) => {
      return { code, severity, message, help, file, line, column }
    }),
    ...(omitted > 0 && { omitted }),
  }
}

/** Returns the error of a change that a running gateway cannot apply. */
export function restartRequired(
  { pointer, of }: (typeof restartFields)[number],
  started: Settings,
  settings: Settings,
  { handover, files }: ReadResult,
): Diagnostic {
  const at = handover!.places.get(pointer) ?? { file: files[0] ?? '', line: 1, column: 1 }
  const field = pointer.slice(1).replace('/', '.')
  return {
    code: 'GH1318',
    severity: 'error',
    message: `\`${field}\` changed from ${of(started)} to ${of(settings)}, which takes effect only after a restart`,
    help: 'restart the gateway',
    ...at,
    endLine: at.line,
    endColumn: at.column,
    path: pointer,
  }
}
