import { BoundedMap } from '../lib/bounded-map.ts'

/** An argument of a tool that clients mirror in a header (MCP 2026-07-28, Custom Headers from Tool Parameters). */
export interface ParamAnnotation {
  /** The header's name after `Mcp-Param-`, in lower case. */
  readonly header: string
  /** The names of the properties that lead to the argument. */
  readonly path: readonly string[]
}

/** The annotations of the tools behind one proxy, learned from lists of tools. */
export interface ParamAnnotations {
  /** The number of tools with annotations. */
  readonly size: number
  /** Returns the annotations of a tool; undefined if none are known. */
  of(tool: string): readonly ParamAnnotation[] | undefined
  /** Learns the annotations in a result of `tools/list`, given as JSON text. */
  learn(text: string): void
}

const annotation = 'x-mcp-header'
/** Longest list that is read: a longer one would block the event loop for too long. */
const maxText = 1024 * 1024
const maxTools = 2000
const maxPerTool = 64
const maxDepth = 16
/** A token of RFC 9110 §5.6.2. */
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/

/** Creates an empty store of annotations. When it is full, the tool that was learned first is dropped. */
export function createParamAnnotations(): ParamAnnotations {
  const known = new BoundedMap<string, readonly ParamAnnotation[]>(maxTools)
  const learnTool = ({ name, inputSchema }: Record<string, unknown>): void => {
    if (typeof name !== 'string') return
    const found: ParamAnnotation[] = []
    collect(inputSchema, [], found)
    if (found.length === 0) known.delete(name)
    else known.set(name, found)
  }
  return {
    get size() {
      return known.size
    },
    of: tool => known.get(tool),
    learn(text) {
      if (text.length > maxText || (known.size === 0 && !text.includes(annotation))) return
      const parsed: unknown = JSON.parse(text)
      for (const message of Array.isArray(parsed) ? (parsed as unknown[]) : [parsed]) {
        const tools = object(object(message)['result'])['tools']
        if (Array.isArray(tools)) tools.forEach(tool => learnTool(object(tool)))
      }
    },
  }
}

/** Collects annotations along `properties` only. One in any other place makes the tool invalid, and clients drop it. */
function collect(schema: unknown, path: readonly string[], found: ParamAnnotation[]): void {
  if (path.length >= maxDepth) return
  for (const [name, property] of Object.entries(object(object(schema)['properties']))) {
    const header = object(property)[annotation]
    const here = [...path, name]
    if (typeof header === 'string' && token.test(header) && found.length < maxPerTool) {
      found.push({ header: header.toLowerCase(), path: here })
    }
    collect(property, here, found)
  }
}

function object(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {}
}
