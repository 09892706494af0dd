import { isDeepStrictEqual } from 'node:util'
import { parse as parseJsonc, type ParseError } from 'jsonc-parser'
import { foldCase } from '../../gateway/mcp/json.ts'
import { readMessages, type Message } from '../../gateway/mcp/message.ts'
import type { FuzzTarget } from './main.ts'
import type { Random } from './random.ts'
import { readLoosely, type Loose } from './loose-json.ts'

/** Members that decisions read, by object. */
const top = ['jsonrpc', 'id', 'method', 'params', 'result', 'error']
const inParams = ['name', 'uri', 'arguments', '_meta', 'ref', 'notifications', 'taskId', 'requestState']
const inRef = ['type', 'name', 'uri']
const inMeta = ['protocolVersion', 'clientCapabilities', 'related-task'].map(
  name => `io.modelcontextprotocol/${name}`,
)
const strings = [
  '"a"',
  '"tools/call"',
  '"tools/list"',
  '"2.0"',
  '"get_a"',
  '"x\\u0079"',
  '"\\ud83d"',
  '"é"',
  '""',
  '"\\"}"',
]
const scalars = [...strings, '1', '-0', '1e400', '9007199254740993', '1.0', 'true', 'null', '[]', '{}']
const spaces = ['', '', '', ' ', '\n', '\t', '\r\n']
const damage = [
  '"',
  '\\',
  '{',
  '}',
  ',',
  ':',
  '[',
  ']',
  '//',
  '/**/',
  '\ufeff',
  '\u0000',
  '\u2028',
  "'",
  'NaN',
  '0',
  'e',
  '\ud800',
]

/** Returns a name unchanged, in another case, with an escape, or with a letter that some parsers fold. */
function spell(random: Random, name: string): string {
  switch (random.below(40)) {
    case 0:
      return name.toUpperCase()
    case 1:
      return name.charAt(0).toUpperCase() + name.slice(1)
    case 2:
      return name.replaceAll('s', '\u017f').replaceAll('k', '\u212a')
    case 3:
      return name.replaceAll('i', random.pick(['\u0130', '\u0131', 'I']))
    case 4:
    case 5: {
      const at = random.below(name.length)
      return `${name.slice(0, at)}\\u${name.charCodeAt(at).toString(16).padStart(4, '0')}${name.slice(at + 1)}`
    }
    case 6:
      return `${name}\\u0000`
    case 7:
      return `\\ufeff${name}`
    default:
      return name
  }
}

function object(random: Random, names: readonly string[], depth: number): string {
  const count = random.below(6)
  const written: string[] = []
  for (let index = 0; index < count; index++) {
    const name = random.chance(0.1) ? random.pick(['__proto__', 'x', '', 'constructor']) : random.pick(names)
    written.push(member(random, name, value(random, name, depth)))
  }
  return `{${written.join(',')}${random.chance(0.01) ? ',' : ''}}`
}

function member(random: Random, name: string, text: string): string {
  return `${random.pick(spaces)}"${spell(random, name)}"${random.pick(spaces)}:${random.pick(spaces)}${text}${random.pick(spaces)}`
}

function value(random: Random, name: string, depth: number): string {
  if (depth > 3) return random.pick(scalars)
  if (name === 'params') return object(random, inParams, depth + 1)
  if (name === 'ref') return object(random, inRef, depth + 1)
  if (name === '_meta') return object(random, [...inMeta, 'x'], depth + 1)
  if (name === 'notifications') return object(random, ['resourceSubscriptions', 'taskIds'], depth + 1)
  if (name === 'arguments' || name === 'x') return object(random, [...inParams, ...top], depth + 1)
  return random.pick(scalars)
}

function message(random: Random): string {
  const members = [
    member(random, 'jsonrpc', '"2.0"'),
    member(random, 'id', random.pick(['1', '"a"', '9007199254740993', '1.0', '-0', '1e400'])),
    member(random, 'method', random.pick(['"tools/call"', '"resources/read"', '"tasks/get"', '"x\\u002fy"'])),
    member(random, 'params', object(random, inParams, 1)),
  ].filter(() => random.chance(0.97))
  const more = random.below(10) === 0 ? 1 : 0
  for (let index = 0; index < more; index++) {
    const name = random.pick(top)
    members.splice(random.below(members.length + 1), 0, member(random, name, value(random, name, 1)))
  }
  return `{${members.join(',')}}`
}

function make(random: Random): { body: Buffer; batch: boolean } {
  const batch = random.chance(0.1)
  let text = message(random)
  if (batch) text = `[${text},${message(random)}]`
  for (let count = random.chance(0.3) ? 1 + random.below(2) : 0; count > 0; count--) {
    const at = random.below(text.length)
    const piece = random.pick(damage)
    text = text.slice(0, at) + piece + text.slice(at + random.below(2))
  }
  const body = Buffer.from(text)
  if (random.chance(0.05)) body[random.below(body.length)] = random.below(256)
  return { body, batch }
}

/** Input of decisions, as a reader finds it. */
type Lookup = (path: readonly string[]) => unknown
const judged: readonly (readonly string[])[] = [
  ...top.filter(name => name !== 'params').map(name => [name]),
  ...inParams
    .filter(name => !['arguments', '_meta', 'ref', 'notifications'].includes(name))
    .map(name => ['params', name]),
  ...inRef.map(name => ['params', 'ref', name]),
  ...inMeta.map(name => ['params', '_meta', name]),
  ['params', 'notifications', 'resourceSubscriptions'],
  ['params', 'notifications', 'taskIds'],
]

const plain =
  (root: unknown): Lookup =>
  path => {
    let at = root
    for (const name of path) {
      if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined
      at = (at as Record<string, unknown>)[name]
    }
    return at
  }

/** Finds members as a reader that takes the first or the last duplicate, and matches names in any case. */
const loose =
  (root: Loose, takes: 'first' | 'last', fold: (name: string) => string): Lookup =>
  path => {
    let at: Loose | undefined = root
    for (const name of path) {
      const wanted = fold(name)
      const found: (readonly [string, Loose])[] =
        at?.members?.filter(([written]) => fold(written) === wanted) ?? []
      at = (takes === 'first' ? found[0] : found.at(-1))?.[1]
      if (at === undefined) return undefined
    }
    return at.value()
  }

const asCString = (name: string): string => name.split('\0', 1)[0]!
const exactly = (name: string): string => name

function judge(body: Buffer, batch: boolean): void {
  let messages: readonly Message[]
  try {
    ;({ messages } = readMessages(body, batch))
  } catch (error) {
    if ((error as Error).name === 'Refusal') return
    throw error
  }
  const text = body.toString('utf8')
  if (!Buffer.from(text).equals(body)) throw new Error(`accepted though it is no UTF-8: ${text}`)
  const errors: ParseError[] = []
  const root: unknown = JSON.parse(text)
  const other: unknown = parseJsonc(text, errors, { disallowComments: true, allowTrailingComma: false })
  if (errors.length > 0) throw new Error(`accepted, and jsonc-parser does not: ${text}`)
  const ours = readLoosely(text)
  const list = <Item>(item: Item, elements: readonly Item[] | undefined): readonly Item[] =>
    elements ?? [item]
  const roots = list(root, Array.isArray(root) ? (root as unknown[]) : undefined)
  const others = list(other, Array.isArray(other) ? (other as unknown[]) : undefined)
  const looses = list(ours, ours.elements)
  if (messages.length !== roots.length || messages.length !== looses.length)
    throw new Error(`lost a message: ${text}`)
  messages.forEach((read, index) => {
    const seen = plain(roots[index])
    const readers: [string, Lookup][] = [
      ['jsonc-parser', plain(others[index])],
      ['the first wins', loose(looses[index]!, 'first', exactly)],
      ['the last wins', loose(looses[index]!, 'last', exactly)],
      ['the first wins in any case', loose(looses[index]!, 'first', foldCase)],
      ['the last wins in any case', loose(looses[index]!, 'last', foldCase)],
      ['the first C string wins', loose(looses[index]!, 'first', asCString)],
      ['the last C string wins', loose(looses[index]!, 'last', asCString)],
    ]
    for (const path of judged) {
      // Nobody reads the params of a response.
      if (read.method === undefined && path[0] === 'params') continue
      const expected = seen(path)
      for (const [name, reader] of readers) {
        if (!isDeepStrictEqual(reader(path), expected))
          throw new Error(`${name}: ${path.join('.')} in ${text}`)
      }
    }
    if (read.method !== seen(['method'])) throw new Error(`another method: ${text}`)
    if (read.method !== undefined && !isDeepStrictEqual(read.params, seen(['params'])))
      throw new Error(`other params: ${text}`)
    const id = looses[index]!.members?.find(([name]) => name === 'id')?.[1]
    if (read.id !== id?.text) throw new Error(`another id, ${read.id}: ${text}`)
  })
}

const target: FuzzTarget = {
  cases: 500_000,
  run(random) {
    const { body, batch } = make(random)
    judge(body, batch)
  },
}

export default target
