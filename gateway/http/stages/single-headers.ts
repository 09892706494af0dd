import type { IncomingMessage } from 'node:http'
import { Refusal } from '../../mcp/errors.ts'
import { decodeMirrored } from '../../mcp/header-value.ts'
import type { Message } from '../../mcp/message.ts'

/** Headers that have one value: of several, node:http keeps the first or joins them, while another parser may do otherwise. */
const singleHeaders = [
  'Host',
  'Mcp-Name',
  'Mcp-Method',
  'Content-Type',
  'Authorization',
  'Mcp-Session-Id',
  'MCP-Protocol-Version',
].map(written => ({ written, name: written.toLowerCase(), bit: 1 << written.length }))
/** Indexed by length, which is the fastest comparison; no two have the same length. */
const byLength = Array.from({ length: 32 }, (_, length) =>
  singleHeaders.find(({ name }) => name.length === length),
)
const mirrors: ReadonlySet<string> = new Set(['mcp-name', 'mcp-method'])

/** The request, whose headers are changed if copies of one are united. */
type Sent = Pick<IncomingMessage, 'headers' | 'rawHeaders'>

/**
 * Refuses a request that repeats one of these headers, and a request without a body that has a header which mirrors the
 * body. Copies of a header of MCP that agree become one, because some clients send two.
 *
 * @throws Refusal `request_malformed`, or `header_mismatch` for the headers of MCP
 */
export function checkSingle(method: string, { headers, rawHeaders }: Sent): void {
  let seen = 0
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const sent = rawHeaders[index]!
    const single = byLength[sent.length]
    // Mostly it is written in one of two ways, and other names start with another letter.
    if (
      single === undefined ||
      (sent !== single.name && sent !== single.written && !isSpelling(sent, single.name))
    )
      continue
    const { name, bit } = single
    const value = unite(rawHeaders, index, name)
    if ((seen & bit) !== 0) {
      if (!isUnited(name) || firstValue(rawHeaders, name) !== value)
        throw new Refusal(isUnited(name) ? 'mcp_header_repeated' : 'header_repeated', { values: { name } })
      rawHeaders.splice(index, 2)
      index -= 2
      headers[name] = value
      continue
    }
    if (value !== headers[name] && isUnited(name)) headers[name] = value
    if (method !== 'POST' && mirrors.has(name))
      throw new Refusal('mcp_header_without_body', { values: { name, method } })
    seen |= bit
  }
}

/** Returns whether copies of a header that agree become one: a header of MCP, whose value nothing but the gateway reads first. */
function isUnited(name: string): boolean {
  return name.startsWith('mcp-')
}

/** Unites copies of a value in one header; returns its value. A name may have a comma of its own, so it stays. */
function unite(rawHeaders: string[], index: number, name: string): string {
  const written = rawHeaders[index + 1]!
  const one = isUnited(name) && name !== 'mcp-name' ? valueOfCopies(written) : undefined
  return one === undefined ? written : (rawHeaders[index + 1] = one)
}

/**
 * Unites copies of the name in one Mcp-Name header, unless the message names something whose name reads like copies.
 */
export function uniteName({ headers, rawHeaders }: Sent, { params = {} }: Pick<Message, 'params'>): void {
  const list = headers['mcp-name']
  const one = typeof list === 'string' ? valueOfCopies(list) : undefined
  if (one === undefined || typeof list !== 'string') return
  const name = decodeMirrored(list)
  if (['name', 'uri', 'taskId'].some(member => params[member] === name)) return
  headers['mcp-name'] = one
  for (let index = 0; index < rawHeaders.length; index += 2)
    if (isSpelling(rawHeaders[index]!, 'mcp-name')) rawHeaders[index + 1] = one
}

/** Returns the value of a list whose members are all the same; undefined for anything else. */
function valueOfCopies(value: string): string | undefined {
  if (!value.includes(',')) return undefined
  const [first, ...others] = value.split(',').map(copy => copy.trim())
  return first !== '' && others.every(copy => copy === first) ? first : undefined
}

function firstValue(rawHeaders: readonly string[], name: string): string | undefined {
  for (let index = 0; index < rawHeaders.length; index += 2)
    if (rawHeaders[index]!.toLowerCase() === name) return rawHeaders[index + 1]
  return undefined
}

function isSpelling(sent: string, name: string): boolean {
  return (sent.charCodeAt(0) | 0x20) === name.charCodeAt(0) && sent.toLowerCase() === name
}
