import type { Alias, Node, Scalar } from 'yaml'
import type { DiagnosticCode } from '../document/diagnostics.ts'
import { report, type LoadContext } from '../document/load-context.ts'
import { nodeSpan } from '../document/locate.ts'
import { toPointer } from '../document/pointer.ts'
import type { Source } from '../document/source.ts'

/** One file on its way from nodes to plain values. */
export interface Conversion {
  readonly loadContext: LoadContext
  readonly source: Source
  readonly anchors: Map<string, Node>
  /** What an alias stood for when it was first met: an anchor may be set again further down. */
  readonly targets: Map<Alias, Node>
  readonly scalars: Map<Scalar, Converted>
  /** The maps and lists around the present node. */
  readonly open: Set<Node>
  readonly path: (string | number)[]
  /** How many aliases the present node is reached through. */
  expanding: number
  /** How many nodes were reached through aliases. */
  expanded: number
}

export interface Converted {
  readonly value: unknown
  /** It cannot be judged further; what is wrong with it has been reported. */
  readonly opaque: boolean
}

/** Begins the conversion of one file. */
export function createConversion(loadContext: LoadContext, source: Source): Conversion {
  return {
    loadContext,
    source,
    anchors: new Map(),
    targets: new Map(),
    scalars: new Map(),
    open: new Set(),
    path: [],
    expanding: 0,
    expanded: 0,
  }
}

/** Reports something about a node at the present path; its value is then not to be judged further. */
export function reportNode(state: Conversion, code: DiagnosticCode, node: Node, message: string): Converted {
  report(state.loadContext, code, nodeSpan(state.source, node), message, { path: toPointer(state.path) })
  return { value: null, opaque: true }
}
