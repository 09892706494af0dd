import { Refusal } from '../../mcp/errors.ts'

/** Headers that must not be repeated: node:http keeps the first or joins them, while another parser may do otherwise. */
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

/**
 * Refuses a request that repeats one of these headers, and a request without a body that has a header which mirrors the
 * body.
 *
 * @throws Refusal `request_malformed`, or `header_mismatch` for the headers of MCP
 */
export function checkSingle(method: string, rawHeaders: readonly string[]): void {
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
    if ((seen & bit) !== 0) {
      const detail = name.startsWith('mcp-') ? 'mcp_header_repeated' : 'header_repeated'
      throw new Refusal(detail, { values: { name } })
    }
    if (method !== 'POST' && mirrors.has(name))
      throw new Refusal('mcp_header_without_body', { values: { name, method } })
    seen |= bit
  }
}

function isSpelling(sent: string, name: string): boolean {
  return (sent.charCodeAt(0) | 0x20) === name.charCodeAt(0) && sent.toLowerCase() === name
}
