import type { AuthMethod, Config } from '../../../schema/config.ts'
import type { DiagnosticCode, Explanation } from '../document/diagnostics.ts'
import { report, skip, type LoadContext } from '../document/load-context.ts'
import { isSkipped, locate, type Part } from '../document/locate.ts'
import { toPointer, type Path } from '../document/pointer.ts'

/** A value without the parts that the schema refuses. */
export type DeepPartial<T> = T extends string | number | boolean
  ? T
  : T extends readonly (infer Item)[]
    ? readonly (DeepPartial<Item> | undefined)[]
    : { readonly [Field in keyof T]?: DeepPartial<T[Field]> | undefined }

/** The configuration that checks look at. Fields may be missing, but the types are right. */
export interface CheckContext {
  readonly loadContext: LoadContext
  readonly config: DeepPartial<Config>
}

export interface RelatedPath {
  readonly path: Path
  readonly part?: Part
  readonly message: string
}

interface Detail extends Explanation {
  /** Reports a value that checks skip too, because its variable is missing: no value of the variable fits. */
  readonly whateverValue?: boolean
  readonly part?: Part
  readonly suggestion?: string | undefined
  readonly related?: readonly RelatedPath[]
}

/** Reports a diagnostic for the value at this path, unless checks skip the value. */
export function reportAt(
  { loadContext, config }: CheckContext,
  code: DiagnosticCode,
  path: Path,
  { part = 'value', related = [], whateverValue = false, ...detail }: Detail,
): void {
  if (!whateverValue && isSkipped(loadContext, config, path)) return
  report(loadContext, code, locate(loadContext, config, path, part).span, {
    ...detail,
    path: toPointer(path),
    related: related.map(({ path, part = 'value', message }) => ({
      span: locate(loadContext, config, path, part).span,
      message,
    })),
  })
}

/** Reports a reference and keeps it from being read, so that nothing reveals whether its target exists. */
export function reportAndSkip(
  context: CheckContext,
  code: DiagnosticCode,
  path: Path,
  explanation: Explanation,
  holder: object,
): void {
  reportAt(context, code, path, explanation)
  skip(context.loadContext, holder, path.at(-1)!)
}

/** Returns the entries of a map that may be missing, without those that were removed. */
export function entries<T>(
  map: { readonly [name: string]: T | undefined } | undefined,
): [string, NonNullable<T>][] {
  return Object.entries(map ?? {}).filter(
    (entry): entry is [string, NonNullable<T>] => entry[1] !== undefined,
  )
}

/** Returns the items of a list that may be missing, with their indices. */
export function items<T>(list: readonly (T | undefined)[] | undefined): [number, NonNullable<T>][] {
  return [...(list ?? []).entries()].filter(
    (entry): entry is [number, NonNullable<T>] => entry[1] !== undefined,
  )
}

/** Returns the auth method of a name; undefined if there is none. */
export function methodNamed(
  { config: { auth = {} } }: CheckContext,
  name: string,
): DeepPartial<AuthMethod> | undefined {
  return Object.hasOwn(auth, name) ? auth[name] : undefined
}
