/** One kind of call: the request, and the response that it must have. */
export interface Call {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly status: number
  /** Text that the response must have. */
  readonly answer: string
  /** Text that the response must not have. */
  readonly never?: string
}

/** The tools that the bench calls: the size of argument and result, and whether the response is an event stream. */
export const tools = {
  get_small: { bytes: 100, events: false },
  get_events: { bytes: 100, events: true },
  get_4k: { bytes: 4096, events: false },
  get_256k: { bytes: 256 * 1024, events: false },
} as const

type ToolName = keyof typeof tools

/** Returns text of a given size. */
export function filler(bytes: number): string {
  return 'The quick brown fox jumps over the lazy dog. '.repeat(Math.ceil(bytes / 45)).slice(0, bytes)
}

const version = '2026-07-28'

/** Returns a JSON-RPC request of MCP 2026-07-28 with its headers. The `id` is always 1. */
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

/** Returns a call of a tool. The argument is as long as the result. */
export function callOf(name: ToolName, secret: string): Call {
  const text = filler(tools[name].bytes)
  return {
    ...modernRequest('tools/call', { name, arguments: { text } }, secret),
    status: 200,
    answer: `"text":"${text}"`,
  }
}

/** Returns a call that lists the tools. When `filtered`, only some of them are for the caller. */
export function listOf(secret: string, filtered: boolean): Call {
  return {
    ...modernRequest('tools/list', {}, secret),
    status: 200,
    answer: '"name":"get_small"',
    ...(filtered && { never: 'delete_' }),
  }
}

/** Returns a call of a hidden tool, which gets the response of a tool that does not exist. */
export function hiddenCall(secret: string): Call {
  return {
    ...modernRequest('tools/call', { name: 'delete_1', arguments: { text: filler(100) } }, secret),
    status: 200,
    answer: 'Unknown tool: delete_1',
  }
}

/** Returns a call that is refused because of its credential. */
export function refusedCall(secret: string, status: number, reason: string): Call {
  return { ...callOf('get_small', secret), status, answer: reason }
}

/**
 * Makes one call and checks its response.
 *
 * @returns the size of the response in bytes, without the framing of chunks
 * @throws Error when the status or the content is wrong
 */
export async function check(url: string, { headers, body, status, answer, never }: Call): Promise<number> {
  const ask = (): Promise<Response> => fetch(url, { method: 'POST', headers, body })
  // The other side may close a connection that was idle since the last check.
  const response = await ask().catch(ask)
  const text = await response.text()
  if (response.status === status && text.includes(answer) && (never === undefined || !text.includes(never))) {
    const lines = [...response.headers].map(([name, value]) => `${name}: ${value}\r\n`)
    return (
      `HTTP/1.1 ${status} ${response.statusText}\r\n${lines.join('')}\r\n`.length + Buffer.byteLength(text)
    )
  }
  throw new Error(
    `a call to ${url} returned ${response.status} and ${JSON.stringify(text.slice(0, 500))}, ` +
      `not ${status} with ${JSON.stringify(answer.slice(0, 100))}`,
  )
}

/** Returns a call as bytes, for load generators without an HTTP client. */
export function requestBytes({ headers, body }: Call, port: number, path: string): Buffer {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.from(
    `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
      `${lines.join('')}\r\n${body}`,
  )
}
