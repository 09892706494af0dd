import { Refusal } from '../mcp/errors.ts'

/** Of most of these node:http keeps the first or joins them all, where another reader may do something else. */
const singleHeaders = [
  'host',
  'mcp-name',
  'mcp-method',
  'content-type',
  'authorization',
  'mcp-session-id',
  'mcp-protocol-version',
]
/** By length, since that is compared fastest; no two are of one length. */
const byLength = new Map(singleHeaders.map((name, index) => [name.length, { name, bit: 1 << index }]))
const mirrors: ReadonlySet<string> = new Set(['mcp-name', 'mcp-method'])

/**
 * Refuses a request that sends a header twice which readers take differently, and one without a body that has a header
 * which mirrors the body.
 *
 * @throws Refusal `request_malformed`, or `header_mismatch` for the headers of MCP
 */
export function checkSingle(method: string, rawHeaders: readonly string[]): void {
  let seen = 0
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const written = rawHeaders[index]!
    const single = byLength.get(written.length)
    if (single === undefined || (written !== single.name && written.toLowerCase() !== single.name)) continue
    const { name, bit } = single
    const isOfMcp = name.startsWith('mcp-')
    if ((seen & bit) !== 0)
      throw new Refusal(isOfMcp ? 'header_mismatch' : 'request_malformed', `the header ${name} is sent twice`)
    if (method !== 'POST' && mirrors.has(name))
      throw new Refusal('header_mismatch', `the header ${name} mirrors a body, and ${method} has none`)
    seen |= bit
  }
}
