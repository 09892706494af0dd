import { isUtf8 } from 'node:buffer'
import { Refusal } from './errors.ts'
import { maxIdLength } from './id-scanner.ts'
import { elements, foldCase, members, nesting, type MemberTree, type Member } from './json.ts'

/** A JSON-RPC message of a client, as every upstream parser reads it. */
export interface Message {
  readonly kind: 'request' | 'notification' | 'response'
  /** The id as the JSON text that the client wrote, so that numbers beyond 2^53 stay exact. */
  readonly id: string | undefined
  readonly method: string | undefined
  readonly params: Readonly<Record<string, unknown>> | undefined
}

const maxDepth = 64
const maxBatch = 100

/** Names of members that decisions depend on, exact and with folded case. */
interface Judged {
  readonly exact: ReadonlySet<string>
  readonly folded: ReadonlySet<string>
}

const messageMembers = judged('jsonrpc', 'id', 'method', 'params', 'result', 'error')
const paramsMembers = judged(
  'name',
  'uri',
  'arguments',
  '_meta',
  'ref',
  'notifications',
  'taskId',
  'requestState',
)

/** The objects in `params` that decisions depend on, with the members that must not be ambiguous in them. */
const judgedObjects: ReadonlyMap<string, Judged> = new Map([
  [
    '_meta',
    judged(
      'io.modelcontextprotocol/protocolVersion',
      'io.modelcontextprotocol/clientCapabilities',
      'io.modelcontextprotocol/related-task',
    ),
  ],
  ['ref', judged('type', 'name', 'uri')],
  ['notifications', judged('resourceSubscriptions', 'taskIds')],
])

/** The objects whose members are read, besides the message itself. */
const judgedMembers: MemberTree = new Map([
  ['params', new Map([...judgedObjects.keys()].map(name => [name, new Map()]))],
])

function judged(...names: string[]): Judged {
  return { exact: new Set(names), folded: new Set(names.map(foldCase)) }
}

/**
 * Parses a request body strictly. Everything that two parsers might read differently is refused, so the upstream acts on
 * the message that was judged.
 *
 * @param body the bytes that will be forwarded
 * @param batch whether a JSON array of messages is allowed (MCP 2025-03-26)
 * @returns the messages; more than one only in a batch
 * @throws Refusal `json_malformed` or `message_invalid`
 */
export function readMessages(body: Buffer, batch: boolean): { messages: Message[]; batch: boolean } {
  if (!isUtf8(body)) throw new Refusal('body_not_utf8')
  const text = body.toString('utf8')
  if (nesting(text) > maxDepth) {
    throw new Refusal('body_nested', { values: { limit: maxDepth } })
  }
  const parsed = parse(text)
  if (!Array.isArray(parsed)) return { messages: [readMessage(text, parsed)], batch: false }
  if (!batch) throw new Refusal('batch_refused')
  if (parsed.length === 0 || parsed.length > maxBatch) {
    throw new Refusal('batch_size', { values: { limit: maxBatch } })
  }
  const spans = elements(text)
  const messages = parsed.map((value, index) =>
    readMessage(text.slice(spans[index]!.start, spans[index]!.end), value),
  )
  return { messages, batch: true }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Refusal('body_not_json', { cause })
  }
}

function readMessage(text: string, value: unknown): Message {
  if (!isObject(value)) throw new Refusal('not_an_object')
  const found = members(text, 0, judgedMembers)
  const id = readId(text, found, value['id'])
  refuseAmbiguous(found, messageMembers, '', id)
  if (value['jsonrpc'] !== '2.0') throw new Refusal('jsonrpc_version', { id })
  if ('id' in value && id === undefined) {
    throw new Refusal('id_invalid', { values: { limit: maxIdLength } })
  }
  return value['method'] === undefined ? readResponse(value, id) : readRequest(value, found, id)
}

function readResponse(value: Readonly<Record<string, unknown>>, id: string | undefined): Message {
  const { result, error } = value
  if (isPresent(result) && isPresent(error)) throw new Refusal('message_shape')
  if (result === undefined && !isPresent(error)) throw new Refusal('message_shape', { id })
  if (id === undefined) throw new Refusal('response_id_missing')
  return { kind: 'response', id, method: undefined, params: undefined }
}

/** Reads a request or, without an id, a notification. */
function readRequest(
  value: Readonly<Record<string, unknown>>,
  found: readonly Member[],
  id: string | undefined,
): Message {
  const { method, result, error } = value
  const params = value['params'] ?? undefined
  if (typeof method !== 'string' || method === '') throw new Refusal('method_not_string', { id })
  if (isPresent(result) || isPresent(error)) throw new Refusal('message_both', { id })
  if (params !== undefined && !isObject(params)) throw new Refusal('params_not_object', { id })
  const span = found.find(member => member.name === 'params')
  if (params !== undefined && span?.members !== undefined) checkParams(params, span.members, id)
  return { kind: id === undefined ? 'notification' : 'request', id, method, params }
}

/** Refuses members that decisions depend on, if they are ambiguous or have the wrong type. */
function checkParams(
  params: Readonly<Record<string, unknown>>,
  found: readonly Member[],
  id: string | undefined,
): void {
  refuseAmbiguous(found, paramsMembers, 'params.', id)
  for (const { name, members: inner } of found) {
    const names = judgedObjects.get(name)
    if (names === undefined || params[name] === null) continue
    if (!isObject(params[name]))
      throw new Refusal('param_not_object', { values: { path: `params.${name}` }, id })
    refuseAmbiguous(inner!, names, `params.${name}.`, id)
  }
}

/** Returns the text of a valid id; undefined if it is invalid or repeated. */
function readId(text: string, found: readonly Member[], id: unknown): string | undefined {
  if (typeof id !== 'string' && typeof id !== 'number') return undefined
  const spans = found.filter(member => member.name === 'id')
  const [span] = spans
  if (span === undefined || spans.length > 1 || span.end - span.start > maxIdLength) return undefined
  return text.slice(span.start, span.end)
}

/**
 * Refuses a judged member that is repeated, or written in another case. Some parsers take the first, some the last, and
 * some, such as Go's encoding/json, ignore case.
 */
function refuseAmbiguous(
  found: readonly Member[],
  { exact, folded }: Judged,
  where: string,
  id: string | undefined,
): void {
  for (let index = 0; index < found.length; index++) {
    const { name } = found[index]!
    if (exact.has(name)) {
      for (let before = 0; before < index; before++) {
        if (found[before]!.name === name)
          throw new Refusal('member_repeated', { values: { member: where + printable(name) }, id })
      }
    } else if (folded.has(foldCase(name))) {
      throw new Refusal('member_case', { values: { member: where + printable(name) }, id })
    }
  }
}

function printable(name: string): string {
  return JSON.stringify(name.slice(0, 64)).slice(1, -1)
}

/** Returns whether a member is there; some clients write null for none. */
function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
