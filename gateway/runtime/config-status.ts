import type { ReadResult } from '../config/handover.ts'
import type { Diagnostic } from '../config/document/diagnostics.ts'
import type { restartFields, Settings } from '../config/static-fields.ts'

/** The configuration as operators see it. */
export interface ConfigStatus {
  readonly revision: string
  readonly appliedAt: string
  /** Time since which the files have differed from the revision in force; absent if they do not differ. */
  readonly pending?: { readonly since: string; readonly seconds: number } | undefined
  readonly lastReload: {
    readonly successful: boolean
    readonly at: string
    readonly diagnostics: readonly Pick<
      Diagnostic,
      'code' | 'severity' | 'message' | 'help' | 'file' | 'line' | 'column'
    >[]
    /** Number of further diagnostics; absent if there are none. */
    readonly omitted?: number
  }
}

/** Returns the outcome of a reload as operators see it. */
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

/** Returns the diagnostic for a change that takes effect only after a restart. */
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
