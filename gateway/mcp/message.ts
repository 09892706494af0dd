import { isUtf8 } from 'node:buffer'
import { Refusal } from './errors.ts'
import { elements, foldCase, members, nesting, type Asked, type Member } from './json.ts'

/** One JSON-RPC message of a client, as every upstream parser will read it. */
export interface Message {
  readonly kind: 'request' | 'notification' | 'response'
  /** The id as the JSON text that the client wrote, so that numbers beyond 2^53 stay exact. */
  readonly id: string | undefined
  readonly method: string | undefined
  readonly params: Readonly<Record<string, unknown>> | undefined
}

const maxDepth = 64
const maxIdLength = 1024
const maxBatch = 100

/** Members that are judged, as they are spelt, and as a parser without regard to case would match them. */
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

/** Objects inside `params` that decisions read, and the members that must not be ambiguous in them. */
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

/** The objects whose members are judged, beside the message itself. */
const judgedMembers: Asked = new Map([
  ['params', new Map([...judgedObjects.keys()].map(name => [name, new Map()]))],
])

function judged(...names: string[]): Judged {
  return { exact: new Set(names), folded: new Set(names.map(foldCase)) }
}

/**
 * Reads a request body strictly: whatever two parsers might read differently is refused, so the message that
 * is judged is the message that the upstream will act on.
 *
 * @param body the bytes as they will be forwarded
 * @param batch whether a JSON array of messages is acceptable (MCP 2025-03-26)
 * @returns the messages; more than one only in a batch
 * @throws Refusal `json_malformed` or `message_invalid`
 */
export function readMessages(body: Buffer, batch: boolean): { messages: Message[]; batch: boolean } {
  if (!isUtf8(body)) throw new Refusal('json_malformed', 'the body is not valid UTF-8')
  const text = body.toString('utf8')
  if (nesting(text) > maxDepth) {
    throw new Refusal('message_invalid', `the body is nested more than ${maxDepth} levels deep`)
  }
  const parsed = parse(text)
  if (!Array.isArray(parsed)) return { messages: [readMessage(text, parsed)], batch: false }
  if (!batch) throw new Refusal('message_invalid', 'batches exist in MCP 2025-03-26 only; send one message')
  if (parsed.length === 0 || parsed.length > maxBatch) {
    throw new Refusal('message_invalid', `a batch has between 1 and ${maxBatch} messages`)
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
    throw new Refusal('json_malformed', 'the body is not valid JSON', { cause })
  }
}

function readMessage(text: string, value: unknown): Message {
  if (!isObject(value)) throw new Refusal('message_invalid', 'a JSON-RPC message is an object')
  const found = members(text, 0, judgedMembers)
  const id = readId(text, found, value['id'])
  refuseAmbiguous(found, messageMembers, '', id)
  if (value['jsonrpc'] !== '2.0') throw invalid('jsonrpc must be "2.0"', id)
  if ('id' in value && id === undefined) {
    throw invalid(`id must be a string or a number of at most ${maxIdLength} characters`, undefined)
  }
  const { method, params } = value
  const isAnswer = 'result' in value || 'error' in value
  if (method === undefined) {
    if (!isAnswer || ('result' in value && 'error' in value)) {
      throw invalid('a message has a method, or as a response either a result or an error', id)
    }
    if (id === undefined) throw invalid('a response has the id of its request', id)
    return { kind: 'response', id, method: undefined, params: undefined }
  }
  if (typeof method !== 'string' || method === '') throw invalid('method must be a string', id)
  if (isAnswer) throw invalid('a message has a method or is a response, not both', id)
  if (params !== undefined && !isObject(params)) throw invalid('params must be an object', id)
  const span = found.find(member => member.name === 'params')
  if (params !== undefined && span?.members !== undefined) checkParams(params, span.members, id)
  return { kind: id === undefined ? 'notification' : 'request', id, method, params }
}

/** What decisions read must be what it is taken for, and not ambiguous. */
function checkParams(
  params: Readonly<Record<string, unknown>>,
  found: readonly Member[],
  id: string | undefined,
): void {
  refuseAmbiguous(found, paramsMembers, 'params.', id)
  for (const { name, members: inner } of found) {
    const names = judgedObjects.get(name)
    if (names === undefined) continue
    if (!isObject(params[name]))
      throw new Refusal('params_invalid', `params.${name} must be an object`, { id })
    refuseAmbiguous(inner!, names, `params.${name}.`, id)
  }
}

/** The id's own text where it is a sound one; undefined otherwise, also where it is written twice. */
function readId(text: string, found: readonly Member[], id: unknown): string | undefined {
  if (typeof id !== 'string' && typeof id !== 'number') return undefined
  const spans = found.filter(member => member.name === 'id')
  const [span] = spans
  if (span === undefined || spans.length > 1 || span.end - span.start > maxIdLength) return undefined
  return text.slice(span.start, span.end)
}

/**
 * Refuses a judged member that is written twice, or in another case: some parsers take the first, some the
 * last, and some (Go's encoding/json among them) match names without regard to case.
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
          throw invalid(`the member ${where}${shown(name)} is written twice`, id)
      }
    } else if (folded.has(foldCase(name))) {
      throw invalid(`the member ${where}${shown(name)} differs only in case from one that MCP defines`, id)
    }
  }
}

function shown(name: string): string {
  return JSON.stringify(name.slice(0, 64)).slice(1, -1)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function invalid(message: string, id: string | undefined): Refusal {
  return new Refusal('message_invalid', message, { id })
}
