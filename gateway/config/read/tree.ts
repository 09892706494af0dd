import {
  isAlias,
  isMap,
  isScalar,
  type Alias,
  type Node,
  type Scalar,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml'
import { createConversion, reportNode, type Conversion, type Converted } from './conversion.ts'
import type { LoadContext } from '../document/load-context.ts'
import { nodeSpan } from '../document/locate.ts'
import { checkKey, isMergeKey } from './map-key.ts'
import type { Source } from '../document/source.ts'
import { substitute } from './variables.ts'

const deepest = 64
/** How many values aliases may expand to in one file: thousands of keys may share a list, and a bomb is caught early. */
const maxExpandedNodes = 200_000
const coreTags = new Set(
  ['str', 'int', 'float', 'bool', 'null', 'map', 'seq'].map(name => `tag:yaml.org,2002:${name}`),
)

/** A map of the plain configuration, before anything is known of its fields. */
export type PlainMap = Record<string, unknown>

/** Whether a value of the plain configuration is a map. */
export function isPlainMap(value: unknown): value is PlainMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * Turns the nodes of one file into plain maps without prototype, lists and scalars, with variables put in, and records
 * where each was written.
 */
export function toPlain(loadContext: LoadContext, source: Source, root: Node): unknown {
  return convert(createConversion(loadContext, source), root).value
}

function convert(state: Conversion, node: Node | null): Converted {
  if (node === null) return { value: null, opaque: false }
  if (state.expanding > 0) state.expanded += 1
  if (isAlias(node)) return convertAlias(state, node)
  if (node.anchor !== undefined && state.expanding === 0) state.anchors.set(node.anchor, node)
  if (isScalar(node)) return convertScalar(state, node)
  if (state.path.length > deepest) return reportNode(state, 'GH1008', node, 'this is nested too deep')
  state.open.add(node)
  const value = isMap(node) ? convertMap(state, node) : convertSeq(state, node as YAMLSeq)
  state.open.delete(node)
  state.loadContext.origins.set(value, { source: state.source, node: node as YAMLMap | YAMLSeq })
  return { value, opaque: !isCore(node) }
}

function convertMap(state: Conversion, { items }: YAMLMap): object {
  const plain = Object.create(null) as object
  const known = new Map<string, Node>()
  for (const pair of items) {
    const key = pair.key as Node
    const value = pair.value as Node | null
    const name = checkKey(state, key, value, known)
    if (isMergeKey(key)) state.loadContext.partial.add(plain)
    if (name === undefined) continue
    known.set(name, key)
    convertChild(state, plain, name, value)
  }
  return plain
}

function convertSeq(state: Conversion, { items }: YAMLSeq): unknown[] {
  const plain: unknown[] = []
  for (const [index, item] of items.entries()) convertChild(state, plain, index, item as Node | null)
  return plain
}

function convertChild(state: Conversion, container: object, step: string | number, node: Node | null): void {
  state.path.push(step)
  const { value, opaque } = convert(state, node)
  ;(container as Record<string, unknown>)[step] = value
  state.path.pop()
  if (!opaque) return
  const steps = state.loadContext.opaque.get(container) ?? new Set()
  state.loadContext.opaque.set(container, steps.add(String(step)))
}

function convertAlias(state: Conversion, alias: Alias): Converted {
  const target = state.targets.get(alias) ?? state.anchors.get(alias.source)
  const name = `*${alias.source}`
  if (target === undefined) {
    const why = `\`${name}\` is read as a YAML alias, and no anchor of that name stands before it`
    return reportNode(state, 'GH1007', alias, `${why}; for a pattern, put it in quotes: "${name}"`)
  }
  state.targets.set(alias, target)
  if (state.open.has(target)) {
    return reportNode(state, 'GH1008', alias, 'this alias stands within what it stands for')
  }
  if (state.expanded > maxExpandedNodes) return { value: null, opaque: true }
  state.expanding += 1
  const converted = convert(state, target)
  state.expanding -= 1
  if (state.expanded <= maxExpandedNodes || state.expanding > 0) return converted
  return reportNode(
    state,
    'GH1008',
    alias,
    `the aliases of this file expand to more than ${maxExpandedNodes} values`,
  )
}

// A scalar that aliases lead to many times is told about once.
function convertScalar(state: Conversion, node: Scalar): Converted {
  const known = state.scalars.get(node)
  if (known !== undefined) return known
  const value = node.value
  const converted =
    typeof value === 'string' && value.includes('$')
      ? substituteIn(state, node, value)
      : { value, opaque: !isCore(node) }
  state.scalars.set(node, converted)
  return converted
}

function substituteIn(state: Conversion, node: Scalar, written: string): Converted {
  const { env, allowMissingEnv = false } = state.loadContext.options
  const { text, names, problems } = substitute(written, env)
  const span = nodeSpan(state.source, node)
  for (const name of names) state.loadContext.variables.push({ file: state.source.file, name, span })
  for (const { kind, name } of problems) {
    if (kind === 'malformed') {
      const instead = 'and `$${` for the characters themselves'
      reportNode(
        state,
        'GH1102',
        node,
        `write \`\${NAME}\` or \`\${NAME:-default}\` for a variable, ${instead}`,
      )
    } else if (allowMissingEnv) state.loadContext.missing.add(name)
    else {
      const instead = `set it, or write \`\${${name}:-default}\``
      reportNode(state, 'GH1101', node, `the environment variable \`${name}\` is not set; ${instead}`)
    }
  }
  return { value: text, opaque: problems.length > 0 || !isCore(node) }
}

function isCore(node: Node & { tag?: string | undefined }): boolean {
  return node.tag === undefined || node.tag === '!' || coreTags.has(node.tag)
}
