import { parseTree, type Node } from 'jsonc-parser'
import { atOnce } from '../../gateway/mcp/pieces.ts'
import { filtering, filterLists, UnreadableList } from '../../gateway/mcp/lists.ts'
import type { FuzzTarget } from './main.ts'
import type { Random } from './random.ts'

const members = ['tools', 'prompts', 'resources', 'resourceTemplates', 'skills', 'skill'] as const
const nameOf = { tools: 'name', prompts: 'name', resources: 'uri', resourceTemplates: 'uriTemplate' } as const
const seen = 'get_a'
const hidden = 'delete_a'
const isVisible = (name: string): boolean => !name.startsWith('delete')

/** Writes a text as JSON in one of many ways. */
function written(random: Random, text: string): string {
  if (random.chance(0.7)) return JSON.stringify(text)
  const units = [...text].map(character =>
    random.chance(0.3) ? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}` : character,
  )
  return `"${units.join('')}"`
}

function varied(random: Random, name: string): string {
  if (random.chance(0.9)) return name
  const other = [
    name.toUpperCase(),
    name[0]!.toUpperCase() + name.slice(1),
    `${name}s`,
    ` ${name}`,
    name.replace('s', 'ſ'),
    `${name}\u0000x`,
  ]
  return random.pick(other)
}

function space(random: Random): string {
  return random.chance(0.9) ? '' : random.pick([' ', '\n', '\t', '\r\n', '\ufeff', '/**/', '\u00a0'])
}

function junk(random: Random, depth: number): string {
  const plain = [
    '1',
    '0.5',
    'null',
    'true',
    '""',
    '"x"',
    `"${hidden}"`,
    '[]',
    '{}',
    '-0',
    '1e9',
    'undefined',
    '',
  ]
  if (depth > 3 || random.chance(0.6)) return random.pick(plain)
  const inner = Array.from({ length: random.below(3) }, () => junk(random, depth + 1))
  return random.chance(0.5)
    ? `[${inner.join(',')}]`
    : `{${inner.map(value => `"${random.pick(['name', 'uri', 'x'])}":${value}`).join(',')}}`
}

function item(random: Random, list: (typeof members)[number], name: string): string {
  const fields = Array.from({ length: random.below(2) }, () => `"x":${junk(random, 2)}`)
  if (list === 'skills' || list === 'skill') {
    const files = random.chance(0.2) ? '"dynamic"' : `[{"uri":${written(random, name)}}]`
    fields.push(
      `${written(random, varied(random, 'uri'))}:${written(random, random.chance(0.5) ? name : seen)}`,
    )
    fields.push(
      `${written(random, varied(random, 'resources'))}:${random.chance(0.05) ? junk(random, 1) : files}`,
    )
  } else {
    const member = random.chance(0.95) ? nameOf[list] : random.pick(['title', 'uri', 'name'])
    fields.push(
      `${written(random, varied(random, member))}:${random.chance(0.05) ? junk(random, 1) : written(random, name)}`,
    )
    if (random.chance(0.05))
      fields.push(`${written(random, varied(random, member))}:${written(random, hidden)}`)
  }
  if (random.chance(0.3)) fields.reverse()
  return `{${fields.join(`,${space(random)}`)}}`
}

function listOf(random: Random, list: (typeof members)[number]): string {
  if (list === 'skill') return item(random, list, random.pick([seen, hidden]))
  const items = Array.from({ length: random.below(4) }, () =>
    random.chance(0.03) ? junk(random, 1) : item(random, list, random.pick([seen, hidden])),
  )
  return random.chance(0.97) ? `[${items.join(`${space(random)},`)}]` : junk(random, 0)
}

function message(random: Random): string {
  const list = random.pick(members)
  const fields = [`${written(random, varied(random, list))}:${space(random)}${listOf(random, list)}`]
  if (random.chance(0.1)) fields.push(`${written(random, varied(random, list))}:${listOf(random, list)}`)
  if (random.chance(0.3)) fields.push(`"cacheScope":${random.pick(['"public"', '1', '"private"'])}`)
  if (random.chance(0.2)) fields.push(`"_meta":${junk(random, 1)}`)
  const result = `{${fields.join(',')}}`
  const outer = ['"jsonrpc":"2.0"', `"id":${random.pick(['1', '"1"', '1.0', 'null'])}`]
  outer.push(`${written(random, varied(random, 'result'))}:${result}`)
  if (random.chance(0.05)) outer.push(`${written(random, varied(random, 'result'))}:${result}`)
  if (random.chance(0.3)) outer.reverse()
  return `{${outer.join(',')}}`
}

/** Returns a value in which a duplicate member has both values. */
type Tree = {
  readonly members: readonly (readonly [name: string, value: Tree])[]
  readonly items: readonly Tree[]
  readonly text?: string
}

function treeOf(node: Node | undefined): Tree {
  const children = node?.children ?? []
  return {
    members:
      node?.type === 'object'
        ? children.map(({ children: [key, value] = [] }) => [String(key?.value), treeOf(value)])
        : [],
    items: node?.type === 'array' ? children.map(treeOf) : [],
    ...(node?.type === 'string' && { text: String(node.value) }),
  }
}

/** Returns every item name that some reader could find in a message: the first or the last duplicate, in any case. */
function namesIn(tree: Tree): string[] {
  const messages = [tree, ...tree.items]
  return messages
    .flatMap(one => field(one, 'result'))
    .flatMap(result => members.flatMap(list => itemsOf(result, list).flatMap(found => namesOf(found, list))))
    .flatMap(({ text }) => text ?? [])
}

function itemsOf(result: Tree, list: (typeof members)[number]): Tree[] {
  return field(result, list).flatMap(value => (list === 'skill' ? [value] : value.items))
}

function namesOf(found: Tree, list: (typeof members)[number]): Tree[] {
  if (list !== 'skill' && list !== 'skills') return field(found, nameOf[list])
  const files = field(found, 'resources').flatMap(({ items }) => items)
  return [...field(found, 'uri'), ...files.flatMap(file => field(file, 'uri'))]
}

/** Returns the values of a member, whose name matches as in Go's encoding/json or as a C string. */
function field({ members: found }: Tree, name: string): Tree[] {
  const fold = (text: string): string =>
    text.split('\u0000', 1)[0]!.toLowerCase().replaceAll('ſ', 's').replaceAll('\u212a', 'k')
  return found.flatMap(([key, value]) => (fold(key) === name.toLowerCase() ? [value] : []))
}

function read(text: string): Tree {
  JSON.parse(text)
  return treeOf(parseTree(text))
}

function refuse(why: string, text: string, out: string): never {
  throw new Error(`${why}\nread: ${text}\nwrote: ${out}`)
}

const target: FuzzTarget = {
  cases: 300_000,
  run(random) {
    const one = message(random)
    const text = random.chance(0.1)
      ? `[${one},${message(random)}]`
      : random.chance(0.97)
        ? one
        : space(random) + one
    const judge = ({ name }: { name?: string | undefined }): boolean => isVisible(name ?? '')
    let out: string
    try {
      out = filterLists(text, judge, new Map())
    } catch (error) {
      if (error instanceof UnreadableList || error instanceof SyntaxError) return
      throw error
    }
    const names = namesIn(read(out))
    for (const name of names) if (!isVisible(name)) refuse('a hidden name', text, out)
    const before = namesIn(read(text)).filter(isVisible)
    if (names.length > before.length) refuse('more than there was', text, out)
    if (filterLists(out, judge, new Map()) !== out) refuse('not the same a second time', text, out)
    if (random.chance(0.01)) {
      // A long version of the same message is filtered in chunks.
      const padded = text.replace('"jsonrpc":"2.0"', `"pad":"${'x'.repeat(70_000)}","jsonrpc":"2.0"`)
      const long = atOnce(filtering(padded, { judge, expected: new Map() }))
      if (long.replace(/"pad":"x*",/, '') !== out) refuse('another answer in pieces', text, long)
    }
  },
}

export default target
