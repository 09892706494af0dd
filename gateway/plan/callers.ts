import type { Side } from './side.ts'

/** Callers with the same roles everywhere: keys, or the holders of a token with certain claims. */
export interface CallerClass {
  /** What a reviewer reads, such as `key ci`. */
  readonly labels: readonly string[]
  /** Returns their roles on a proxy; undefined if it accepts no such caller. */
  rolesOn(side: Side, proxy: string): readonly string[] | undefined
}
