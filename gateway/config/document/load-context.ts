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

/** What one call of load() knows so far. */
export interface LoadContext {
  readonly options: LoadOptions
  readonly files: Files
  readonly diagnostics: Diagnostic[]
  /** Number of diagnostics so far by severity, also of those that are not kept. */
  readonly found: Record<Diagnostic['severity'], number>
  readonly suggestions: SuggestionBudget
  /** Where every map and list of the plain configuration was written. */
  readonly origins: Map<object, Origin>
  /** Values that cannot be judged, for instance because a variable is missing: container and step. */
  readonly opaque: Map<object, Set<string>>
  /** Maps whose fields are not all known, because of a merge key. */
  readonly partial: Set<unknown>
  /** Ranges that hold a secret in clear and are not to be shown. */
  readonly masks: { source: Source; start: number; end: number }[]
  /** Variables and secret files that are absent, where that is allowed. */
  readonly missing: Set<string>
  /** The fragments by absolute path: the item of `include` that names them, and what they may declare and refer to. */
  readonly fragments: Map<string, { item: number; scope: FragmentScope | undefined }>
  /** Every `${NAME}` that was read, with its place. */
  readonly variables: { file: string; name: string; span: Span }[]
  /** Absolute path of the revocations file, where the main file names one. */
  revocations?: string
  /** A fragment could not be read, so that names may be missing for no fault of their own. */
  incomplete: boolean
}

/**
 * Largest number of diagnostics of a severity that a load keeps; the others are counted. There is room for more warnings,
 * because comments may silence many of them.
 */
export const maxKept: Readonly<Record<Diagnostic['severity'], number>> = {
  error: 1000,
  warning: 10_000,
  info: 10_000,
}

/** Largest number of other places that a diagnostic names. */
export const maxRelated = 10

/** Begins a load that knows nothing yet. */
export function createLoadContext(options: LoadOptions): LoadContext {
  return {
    options,
    files: createFiles(options),
    diagnostics: [],
    found: { error: 0, warning: 0, info: 0 },
    suggestions: createBudget(),
    origins: new Map(),
    opaque: new Map(),
    partial: new Set(),
    masks: [],
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

/** Adds one diagnostic, or counts it where there are too many. */
export function report(
  loadContext: LoadContext,
  code: DiagnosticCode,
  span: Span,
  { message, help, path = '', suggestion, related = [] }: Detail,
): void {
  const severity = severityOf(code)
  if (++loadContext.found[severity] > maxKept[severity]) return
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
