import type { Node, YAMLMap, YAMLSeq } from 'yaml'
import type { Source } from './source.ts'

/** Where a map or list of the plain configuration was written. */
export interface Origin {
  readonly source: Source
  readonly node: YAMLMap | YAMLSeq
  /** Its fields, where they come from several files or were looked up before. */
  entries?: ReadonlyMap<string, Entry>
}

/** One field of a map or one item of a list, as it was written. */
export interface Entry {
  readonly source: Source
  readonly key: Node | undefined
  readonly value: Node | null
  /** The key of the block that it stands in, where that is a fragment's own. */
  readonly block?: Node | undefined
}
