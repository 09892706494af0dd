import type { Config } from '../../../schema/config.ts'
import type { DiagnosticCode } from '../document/diagnostics.ts'
import { report, type LoadContext } from '../document/load-context.ts'
import { isOpaque, locate, type Part } from '../document/locate.ts'
import { toPointer, type Path } from '../document/pointer.ts'

/** What is left of a value after everything that the schema refuses was taken out. */
export type DeepPartial<T> = T extends string | number | boolean
  ? T
  : T extends readonly (infer Item)[]
    ? readonly (DeepPartial<Item> | undefined)[]
    : { readonly [Field in keyof T]?: DeepPartial<T[Field]> | undefined }

/** A configuration under cross-checks: whole or not, its types are right. */
export interface CheckContext {
  readonly loadContext: LoadContext
  readonly config: DeepPartial<Config>
}

export interface RelatedPath {
  readonly path: Path
  readonly part?: Part
  readonly message: string
}

/** Reports something about the value at this path, unless the value cannot be judged. */
export function reportAt(
  { loadContext, config }: CheckContext,
  code: DiagnosticCode,
  path: Path,
  message: string,
  detail: { part?: Part; suggestion?: string | undefined; related?: RelatedPath[] } = {},
): void {
  if (isOpaque(loadContext, config, path)) return
  const { part = 'value', suggestion, related = [] } = detail
  const span = locate(loadContext, config, path, part).span
  report(loadContext, code, span, message, {
    path: toPointer(path),
    suggestion,
    related: related.map(({ path, part = 'value', message }) => ({
      span: locate(loadContext, config, path, part).span,
      message,
    })),
  })
}

/** The entries of a map that may be missing, without those that were taken out. */
export function entries<T>(
  map: { readonly [name: string]: T | undefined } | undefined,
): [string, NonNullable<T>][] {
  return Object.entries(map ?? {}).filter(
    (entry): entry is [string, NonNullable<T>] => entry[1] !== undefined,
  )
}

/** The items of a list that may be missing, with their indices. */
export function items<T>(list: readonly (T | undefined)[] | undefined): [number, NonNullable<T>][] {
  return [...(list ?? []).entries()].filter(
    (entry): entry is [number, NonNullable<T>] => entry[1] !== undefined,
  )
}
