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
import { report, type Loading } from './loading.ts'
import { keyText, nodeSpan } from './locate.ts'
import { toPointer } from './pointer.ts'
import type { Source } from './source.ts'
import { substitute } from './variables.ts'

const deepest = 64
/** How many values aliases may expand to in one file: thousands of keys may share a list, and a bomb is caught early. */
const mostExpanded = 200_000
const coreTags = new Set(
  ['str', 'int', 'float', 'bool', 'null', 'map', 'seq'].map(name => `tag:yaml.org,2002:${name}`),
)

interface Conversion {
  readonly loading: Loading
  readonly source: Source
  readonly anchors: Map<string, Node>
  /** What an alias stood for when it was first met: an anchor may be set again further down. */
  readonly targets: Map<Alias, Node>
  readonly scalars: Map<Scalar, { value: unknown; opaque: boolean }>
  readonly open: Set<Node>
  readonly path: (string | number)[]
  expanding: number
  expanded: number
}

interface Converted {
  readonly value: unknown
  /** It cannot be judged further; what is wrong with it has been reported. */
  readonly opaque?: boolean
}

/**
 * Turns the nodes of one file into plain maps without prototype, lists and scalars, with variables put in, and records
 * where each was written.
 */
export function toPlain(loading: Loading, source: Source, root: Node): unknown {
  const state = { anchors: new Map(), targets: new Map(), scalars: new Map(), open: new Set<Node>() }
  return convert({ loading, source, ...state, path: [], expanding: 0, expanded: 0 }, root).value
}

function convert(state: Conversion, node: Node | null): Converted {
  if (node === null) return { value: null }
  if (state.expanding > 0) state.expanded += 1
  if (isAlias(node)) return convertAlias(state, node)
  if (node.anchor !== undefined && state.expanding === 0) state.anchors.set(node.anchor, node)
  if (isScalar(node)) return convertScalar(state, node)
  if (state.path.length > deepest) return refuse(state, 'GH1008', node, 'this is nested too deep')
  state.open.add(node)
  const value = isMap(node) ? convertMap(state, node) : convertSeq(state, node as YAMLSeq)
  state.open.delete(node)
  state.loading.origins.set(value, { source: state.source, node: node as YAMLMap | YAMLSeq })
  return { value, opaque: !isCore(node) }
}

function convertMap(state: Conversion, node: YAMLMap): object {
  const plain: Record<string, unknown> = Object.create(null)
  const keys = new Map<string, Node>()
  for (const pair of node.items) {
    const key = pair.key as Node
    const name = checkKey(state, key, keys, pair.value as Node | null)
    if (name === undefined) {
      if (isMergeKey(key)) state.loading.partial.add(plain)
      continue
    }
    keys.set(name, key)
    convertChild(state, plain, name, pair.value as Node | null)
  }
  return plain
}

function convertSeq(state: Conversion, node: YAMLSeq): unknown[] {
  const plain: unknown[] = []
  for (const [index, item] of node.items.entries()) convertChild(state, plain, index, item as Node | null)
  return plain
}

function convertChild(state: Conversion, container: object, step: string | number, node: Node | null): void {
  state.path.push(step)
  const { value, opaque } = convert(state, node)
  ;(container as Record<string, unknown>)[step] = value
  state.path.pop()
  if (opaque !== true) return
  const steps = state.loading.opaque.get(container) ?? new Set()
  state.loading.opaque.set(container, steps.add(String(step)))
}

/** The text of a key, or undefined after reporting that it is none. */
function checkKey(
  state: Conversion,
  key: Node,
  known: Map<string, Node>,
  value: Node | null,
): string | undefined {
  if (!isScalar(key) || key.value === null || key.value === '__proto__') {
    const what = isScalar(key) && key.value !== null ? '`__proto__` is no name' : 'a key is text on one line'
    refuse(
      state,
      'GH1011',
      key.range?.[0] === key.range?.[1] ? (value ?? key) : key,
      `${what}; write another key`,
    )
    return undefined
  }
  const name = keyText(key)
  if (isMergeKey(key)) {
    const instead = 'write the fields out, or share a role or a fragment'
    refuse(state, 'GH1009', key, `YAML 1.2 has no merge key \`<<\`; ${instead}`)
    return undefined
  }
  if (typeof key.value !== 'string') {
    refuse(
      state,
      'GH1011',
      key,
      `a key is text, and YAML reads this one otherwise; put it in quotes: "${name}"`,
    )
  } else if (name === '<<' && key.type === 'PLAIN') {
    refuse(
      state,
      'GH1009',
      key,
      'YAML 1.2 has no merge key `<<`; write the fields out, or share a role or a fragment',
    )
    return undefined
  }
  const first = known.get(name)
  if (first === undefined) return name
  const path = toPointer([...state.path, name])
  const related = [{ span: nodeSpan(state.source, first), message: 'first written here' }]
  const message = `the key \`${name}\` stands in this map already; keep one of them`
  report(state.loading, 'GH1005', nodeSpan(state.source, key), message, { path, related })
  return undefined
}

function convertAlias(state: Conversion, alias: Alias): Converted {
  const target = state.targets.get(alias) ?? state.anchors.get(alias.source)
  if (target === undefined) {
    const message = `\`*${alias.source}\` is read as a YAML alias, and no anchor of that name stands before it; for a pattern, put it in quotes: "*${alias.source}"`
    return refuse(state, 'GH1007', alias, message)
  }
  state.targets.set(alias, target)
  if (state.open.has(target))
    return refuse(state, 'GH1008', alias, 'this alias stands within what it stands for')
  if (state.expanded > mostExpanded) return { value: null, opaque: true }
  state.expanding += 1
  const converted = convert(state, target)
  state.expanding -= 1
  if (state.expanded > mostExpanded && state.expanding === 0) {
    return refuse(
      state,
      'GH1008',
      alias,
      `the aliases of this file expand to more than ${mostExpanded} values`,
    )
  }
  return converted
}

function convertScalar(state: Conversion, node: Scalar): Converted {
  const known = state.scalars.get(node)
  if (known !== undefined) return known
  const converted = substituteIn(state, node)
  state.scalars.set(node, converted)
  return converted
}

function substituteIn(state: Conversion, node: Scalar): { value: unknown; opaque: boolean } {
  if (typeof node.value !== 'string' || !node.value.includes('$'))
    return { value: node.value, opaque: !isCore(node) }
  const { env, allowMissingEnv = false } = state.loading.options
  const { text, problems } = substitute(node.value, env)
  for (const { kind, name } of problems) {
    if (kind === 'malformed') {
      refuse(
        state,
        'GH1102',
        node,
        'write `${NAME}` or `${NAME:-default}` for a variable, and `$${` for the characters themselves',
      )
    } else if (allowMissingEnv) state.loading.missing.add(name)
    else {
      refuse(
        state,
        'GH1101',
        node,
        `the environment variable \`${name}\` is not set; set it, or write \`\${${name}:-default}\``,
      )
    }
  }
  return { value: text, opaque: problems.length > 0 || !isCore(node) }
}

function refuse(
  state: Conversion,
  code: 'GH1007' | 'GH1008' | 'GH1009' | 'GH1011' | 'GH1101' | 'GH1102',
  node: Node,
  message: string,
): { value: null; opaque: true } {
  report(state.loading, code, nodeSpan(state.source, node), message, { path: toPointer(state.path) })
  return { value: null, opaque: true }
}

function isCore(node: Node & { tag?: string | undefined }): boolean {
  return node.tag === undefined || node.tag === '!' || coreTags.has(node.tag)
}
