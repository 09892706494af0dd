import type { Node, YAMLMap, YAMLSeq } from 'yaml'
import type { Source } from './source.ts'

/** Source of a map or list of the plain configuration. */
export interface Origin {
  readonly source: Source
  readonly node: YAMLMap | YAMLSeq
  /** Its fields, if they come from several files or were looked up before. */
  entries?: ReadonlyMap<string, Entry>
}

/** A field of a map or an item of a list, as it was written. */
export interface Entry {
  readonly source: Source
  readonly key: Node | undefined
  readonly value: Node | null
  /** Key of the block around it, if that block is in a fragment. */
  readonly block?: Node | undefined
}
