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
import type { Explanation } from '../document/diagnostics.ts'
import { skip, type LoadContext } from '../document/load-context.ts'
import { nodeSpan } from '../document/locate.ts'
import { checkKey, isMergeKey } from './map-key.ts'
import type { Source } from '../document/source.ts'
import { substitute } from './variables.ts'

const maxDepth = 64
const tooDeep: Explanation = {
  message: `this is nested more than ${maxDepth} levels deep`,
  help: 'use fewer levels',
}
/** Largest number of values that the aliases of one file expand to. Thousands of keys can share a list; a bomb is caught early. */
const maxExpandedNodes = 200_000
const coreTags = new Set(
  ['str', 'int', 'float', 'bool', 'null', 'map', 'seq'].map(name => `tag:yaml.org,2002:${name}`),
)

/** A map of the plain configuration, before its fields are checked. */
export type PlainMap = Record<string, unknown>

/** Returns whether a value of the plain configuration is a map. */
export function isPlainMap(value: unknown): value is PlainMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * Converts the nodes of one file to plain maps without a prototype, lists and scalars. Replaces variables, and records
 * where each map and list was written.
 */
export function toPlain(loadContext: LoadContext, source: Source, root: Node): unknown {
  return convert(createConversion(loadContext, source), root).value
}

function convert(state: Conversion, node: Node | null): Converted {
  if (node === null) return { value: null, skipped: false }
  if (state.expanding > 0) state.expanded += 1
  if (isAlias(node)) return convertAlias(state, node)
  if (node.anchor !== undefined && state.expanding === 0) state.anchors.set(node.anchor, node)
  if (isScalar(node)) return convertScalar(state, node)
  if (state.path.length > maxDepth) return reportNode(state, 'GH1008', node, tooDeep)
  state.open.add(node)
  const value = isMap(node) ? convertMap(state, node) : convertSeq(state, node as YAMLSeq)
  state.open.delete(node)
  state.loadContext.origins.set(value, { source: state.source, node: node as YAMLMap | YAMLSeq })
  return { value, skipped: !isCore(node) }
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
  const { value, skipped } = convert(state, node)
  ;(container as Record<string, unknown>)[step] = value
  state.path.pop()
  if (skipped) skip(state.loadContext, container, step)
}

function convertAlias(state: Conversion, alias: Alias): Converted {
  const target = state.targets.get(alias) ?? state.anchors.get(alias.source)
  const name = `*${alias.source}`
  if (target === undefined) {
    return reportNode(state, 'GH1007', alias, {
      message: `YAML reads \`${name}\` as an alias, and there is no anchor \`&${alias.source}\` above it`,
      help: `put a pattern in quotes: \`"${name}"\``,
    })
  }
  state.targets.set(alias, target)
  if (state.open.has(target)) {
    const message = `the alias \`${name}\` is inside its own anchor`
    return reportNode(state, 'GH1008', alias, { message, help: 'write the value out' })
  }
  if (state.expanded > maxExpandedNodes) return { value: null, skipped: true }
  state.expanding += 1
  const converted = convert(state, target)
  state.expanding -= 1
  if (state.expanded <= maxExpandedNodes || state.expanding > 0) return converted
  return reportNode(state, 'GH1008', alias, {
    message: `the aliases of this file expand to more than ${maxExpandedNodes} values`,
    help: 'use fewer aliases: a role can be shared by name',
  })
}

// A scalar that many aliases lead to is reported once.
function convertScalar(state: Conversion, node: Scalar): Converted {
  const known = state.scalars.get(node)
  if (known !== undefined) return known
  const value = node.value
  const converted =
    typeof value === 'string' && value.includes('$')
      ? substituteIn(state, node, value)
      : { value, skipped: !isCore(node) }
  state.scalars.set(node, converted)
  return converted
}

function substituteIn(state: Conversion, node: Scalar, written: string): Converted {
  const { env, allowMissingEnv = false, isReload = false } = state.loadContext.options
  const { text, names, problems } = substitute(written, env)
  const span = nodeSpan(state.source, node)
  for (const name of names) state.loadContext.variables.push({ file: state.source.file, name, span })
  for (const { kind, name } of problems) {
    if (kind === 'malformed') {
      const [, meant = 'NAME'] = /\$\{\{? *[A-Za-z]+[.:] *([A-Za-z_][A-Za-z0-9_]*)/.exec(written) ?? []
      reportNode(state, 'GH1102', node, {
        message: 'this `${` does not begin a variable',
        help: `write \`\${${meant}}\` or \`\${${meant}:-default}\`, or \`$\${\` for the characters themselves`,
      })
    } else if (allowMissingEnv) state.loadContext.missing.add(name)
    else {
      reportNode(state, 'GH1101', node, {
        message: `the environment variable \`${name}\` is not set`,
        help: isReload
          ? `restart the gateway with it, because a running process gets no new variables; or write \`\${${name}:-default}\``
          : `set the variable, or write \`\${${name}:-default}\``,
      })
    }
  }
  return { value: text, skipped: problems.length > 0 || !isCore(node) }
}

function isCore(node: Node & { tag?: string | undefined }): boolean {
  return node.tag === undefined || node.tag === '!' || coreTags.has(node.tag)
}
