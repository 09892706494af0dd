import type { Alias, Node, Scalar } from 'yaml'
import type { DiagnosticCode, Explanation } from '../document/diagnostics.ts'
import { report, type LoadContext } from '../document/load-context.ts'
import { nodeSpan } from '../document/locate.ts'
import { toPointer } from '../document/pointer.ts'
import type { Source } from '../document/source.ts'

/** State of the conversion of one file from nodes to plain values. */
export interface Conversion {
  readonly loadContext: LoadContext
  readonly source: Source
  readonly anchors: Map<string, Node>
  /** Target of each alias when it was first met: a later node may set the same anchor again. */
  readonly targets: Map<Alias, Node>
  readonly scalars: Map<Scalar, Converted>
  /** Maps and lists around the current node. */
  readonly open: Set<Node>
  readonly path: (string | number)[]
  /** Number of aliases that led to the current node. */
  expanding: number
  /** Number of nodes reached through aliases so far. */
  expanded: number
}

export interface Converted {
  readonly value: unknown
  /** Checks skip it: what is wrong with it is reported, or a variable is missing. */
  readonly skipped: boolean
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

/** Reports a diagnostic for a node at the current path. Returns a value that checks skip. */
export function reportNode(
  state: Conversion,
  code: DiagnosticCode,
  node: Node,
  explanation: Explanation,
): Converted {
  const span = nodeSpan(state.source, node)
  report(state.loadContext, code, span, { ...explanation, path: toPointer(state.path) })
  return { value: null, skipped: true }
}
