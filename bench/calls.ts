/** One kind of call: what is sent, and what must come back. */
export interface Call {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly status: number
  /** Stands in the right answer. */
  readonly answer: string
  /** Must not stand in it. */
  readonly never?: string
}

/** The tools of the upstream that the bench calls, by name: how large text and answer are, and how it answers. */
export const tools = {
  get_small: { bytes: 100, events: false },
  get_events: { bytes: 100, events: true },
  get_4k: { bytes: 4096, events: false },
  get_256k: { bytes: 256 * 1024, events: false },
} as const

type ToolName = keyof typeof tools

/** What all text of the bench is made of. */
export function filler(bytes: number): string {
  return 'The quick brown fox jumps over the lazy dog. '.repeat(Math.ceil(bytes / 45)).slice(0, bytes)
}

const version = '2026-07-28'

/** A JSON-RPC request of MCP 2026-07-28, with the headers that mirror it; `id` is always 1. */
export function modernRequest(
  method: string,
  params: Readonly<Record<string, unknown>>,
  secret: string | undefined,
): Pick<Call, 'headers' | 'body'> {
  const meta = {
    'io.modelcontextprotocol/protocolVersion': version,
    'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1.0.0' },
    'io.modelcontextprotocol/clientCapabilities': {},
  }
  return {
    headers: {
      'Content-Type': 'application/json',
      Accept: 'application/json, text/event-stream',
      'MCP-Protocol-Version': version,
      'Mcp-Method': method,
      ...(typeof params['name'] === 'string' && { 'Mcp-Name': params['name'] }),
      ...(secret !== undefined && { Authorization: `Bearer ${secret}` }),
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...params, _meta: meta } }),
  }
}

/** A call of a tool with as much text as it answers. */
export function callOf(name: ToolName, secret: string): Call {
  const text = filler(tools[name].bytes)
  return {
    ...modernRequest('tools/call', { name, arguments: { text } }, secret),
    status: 200,
    answer: `"text":"${text}"`,
  }
}

/** Asks what tools there are: some of them are for the caller. */
export function listOf(secret: string, filtered: boolean): Call {
  return {
    ...modernRequest('tools/list', {}, secret),
    status: 200,
    answer: '"name":"get_small"',
    ...(filtered && { never: 'delete_' }),
  }
}

/** A call of a tool that the caller may not see, which is answered like one that does not exist. */
export function hiddenCall(secret: string): Call {
  return {
    ...modernRequest('tools/call', { name: 'delete_1', arguments: { text: filler(100) } }, secret),
    status: 200,
    answer: 'Unknown tool: delete_1',
  }
}

/** A call that is refused by its credential. */
export function refusedCall(secret: string, status: number, reason: string): Call {
  return { ...callOf('get_small', secret), status, answer: `"reason":"${reason}"` }
}

/**
 * Makes one call and looks at its answer.
 *
 * @returns how many bytes the answer took, without what framed it in chunks
 * @throws Error where status or content is not what the call should bring
 */
export async function check(url: string, { headers, body, status, answer, never }: Call): Promise<number> {
  const ask = (): Promise<Response> => fetch(url, { method: 'POST', headers, body })
  // A connection that rested since the last look may be closed by the other side just now.
  const response = await ask().catch(ask)
  const text = await response.text()
  if (response.status === status && text.includes(answer) && (never === undefined || !text.includes(never))) {
    const lines = [...response.headers].map(([name, value]) => `${name}: ${value}\r\n`)
    return (
      `HTTP/1.1 ${status} ${response.statusText}\r\n${lines.join('')}\r\n`.length + Buffer.byteLength(text)
    )
  }
  throw new Error(
    `a call to ${url} brought ${response.status} and ${JSON.stringify(text.slice(0, 500))}, ` +
      `not ${status} with ${JSON.stringify(answer.slice(0, 100))}`,
  )
}

/** A call as bytes, for those who count on nothing of an HTTP client. */
export function requestBytes({ headers, body }: Call, port: number, path: string): Buffer {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.from(
    `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
      `${lines.join('')}\r\n${body}`,
  )
}
