import {
  severityOf,
  type Diagnostic,
  type DiagnosticCode,
  type Explanation,
  type Span,
} from './diagnostics.ts'
import { createFiles, type Files } from './files.ts'
import type { FragmentScope } from './fragment-scope.ts'
import type { LoadOptions } from './load-options.ts'
import type { Origin } from './origin.ts'
import type { Source } from './source.ts'
import { createBudget, type SuggestionBudget } from './suggest.ts'

/** State of one call of load(). */
export interface LoadContext {
  readonly options: LoadOptions
  readonly files: Files
  readonly diagnostics: Diagnostic[]
  /** Number of diagnostics so far by severity, including those that are not kept. */
  readonly counts: Record<Diagnostic['severity'], number>
  readonly suggestions: SuggestionBudget
  /** Places of every map and list of the plain configuration. */
  readonly origins: Map<object, Origin>
  /**
   * Values that checks skip, by container and step: what is wrong with them is reported already, or a variable is
   * missing.
   */
  readonly skipped: Map<object, Set<string>>
  /** Maps with a merge key, so that not all their fields are known. */
  readonly partial: Set<unknown>
  /** Ranges that hold a secret in clear, which code frames must not show. */
  readonly redactions: { source: Source; start: number; end: number }[]
  /** Variables and secret files that are absent, if that is allowed. */
  readonly missing: Set<string>
  /** Fragments by absolute path: the item of `include` that names them, and their scope. */
  readonly fragments: Map<string, { item: number; scope: FragmentScope | undefined }>
  /** Every `${NAME}` in the files, with its place. */
  readonly variables: { file: string; name: string; span: Span }[]
  /** Absolute path of the revocations file, if the main file names one. */
  revocations?: string
  /** True if a fragment could not be read, so that names may be missing. */
  incomplete: boolean
}

/**
 * Largest number of diagnostics of a severity that a load keeps; the others are counted. More warnings are kept, because
 * comments may silence many of them.
 */
export const maxKept: Readonly<Record<Diagnostic['severity'], number>> = {
  error: 1000,
  warning: 10_000,
  info: 10_000,
}

/** Largest number of other places that a diagnostic names. */
export const maxRelated = 10

/** Returns the state at the beginning of a load. */
export function createLoadContext(options: LoadOptions): LoadContext {
  return {
    options,
    files: createFiles(options),
    diagnostics: [],
    counts: { error: 0, warning: 0, info: 0 },
    suggestions: createBudget(),
    origins: new Map(),
    skipped: new Map(),
    partial: new Set(),
    redactions: [],
    missing: new Set(),
    fragments: new Map(),
    variables: [],
    incomplete: false,
  }
}

interface Detail extends Explanation {
  path?: string
  suggestion?: string | undefined
  related?: { span: Span; message: string }[]
}

/** Makes checks skip a value. */
export function skip({ skipped }: LoadContext, container: object, step: string | number): void {
  const steps = skipped.get(container) ?? new Set()
  skipped.set(container, steps.add(String(step)))
}

/** Adds one diagnostic, or counts it if there are too many. */
export function report(
  loadContext: LoadContext,
  code: DiagnosticCode,
  span: Span,
  { message, help, path = '', suggestion, related = [] }: Detail,
): void {
  const severity = severityOf(code)
  if (++loadContext.counts[severity] > maxKept[severity]) return
  loadContext.diagnostics.push({
    code,
    severity,
    message,
    help,
    ...span,
    path,
    ...(suggestion !== undefined && { suggestion }),
    ...(related.length > 0 && {
      related: related.map(({ span: { file, line, column }, message }) => ({ file, line, column, message })),
    }),
  })
}
