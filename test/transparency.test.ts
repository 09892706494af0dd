import t from 'tap'

import { bearer, beforeEverything, beforeMock, keys } from './fixtures/proxied.ts'

interface Reply {
  status: number
  headers: Record<string, string>
  body: string
}

/** Sends one request to an endpoint, always with the operator's key. */
type Ask = (url: string) => Promise<Reply>

async function send(
  url: string,
  method: string,
  headers: Record<string, string>,
  body?: string,
): Promise<Reply> {
  const response = await fetch(url, {
    method,
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...bearer(keys.operator),
      ...headers,
    },
    ...(body !== undefined && { body }),
  })
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    body: await response.text(),
  }
}

/** About a connection, or bound to a key. */
const incomparable = new Set(
  'date connection keep-alive transfer-encoding content-length mcp-session-id'.split(' '),
)
/** What the gateway adds to a stream where the upstream does not say it. */
const added = { 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no' }

function comparable({ status, headers, body }: Reply): Reply {
  const isStream = headers['content-type']?.startsWith('text/event-stream') === true
  const all = Object.entries({ ...(isStream ? added : {}), ...headers })
  const kept = all.filter(([name]) => !incomparable.has(name)).toSorted()
  return { status, headers: Object.fromEntries(kept), body }
}

/** A list that is marked as being for this caller only, which is all that filtering changes where nothing is hidden. */
function asPrivate({ body, headers, ...rest }: Reply): Reply {
  const kept = Object.entries({ ...headers, 'cache-control': 'private, no-store' }).toSorted()
  return {
    ...rest,
    headers: Object.fromEntries(kept),
    body: body.replace('"cacheScope":"public"', '"cacheScope":"private"'),
  }
}

/** What is said of keeping an answer is another thing where the answer is for one caller. */
function withoutCaching({ headers, ...rest }: Reply): Reply {
  const { 'cache-control': _, ...kept } = headers
  return { ...rest, headers: kept }
}

/** A request of 2026-07-28, in bytes that no serialiser would write. */
function modern(method: string, params: Record<string, unknown> = {}, id: string = '"\\u00e9 1"'): Ask {
  const name = params['name'] ?? params['uri']
  const headers = {
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': method,
    ...(typeof name === 'string' && { 'mcp-name': name }),
  }
  const meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': { elicitation: { form: {} } },
    'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '1' },
    progressToken: 'p',
  }
  const body = `{"jsonrpc":"2.0", "id":${id}, "method":"${method}", "params":${JSON.stringify({ ...params, _meta: meta })}}`
  return url => send(url, 'POST', headers, body)
}

const call = (name: string, args: Record<string, unknown> = {}): Ask =>
  modern('tools/call', { name, arguments: args })

const lists: Record<string, Ask> = {
  'tools/list': modern('tools/list'),
  'prompts/list': modern('prompts/list'),
  'resources/list': modern('resources/list'),
  'resources/templates/list': modern('resources/templates/list'),
}

const toMock: Record<string, Ask> = {
  'server/discover': modern('server/discover'),
  'tools/call': call('get_users', { limit: 2 }),
  'tools/call with a large number as id': modern('tools/call', { name: 'get_posts' }, '9007199254740991'),
  'tools/call with wrong arguments': call('get_users', { limit: 'two' }),
  'tools/call that fails': call('delete_user', { id: 99 }),
  'tools/call of an unknown tool': call('no_such_tool'),
  'prompts/get': modern('prompts/get', { name: 'user_management', arguments: { action: 'audit' } }),
  'prompts/get without an argument': modern('prompts/get', { name: 'user_management', arguments: {} }),
  'prompts/get of an unknown prompt': modern('prompts/get', { name: 'no_such_prompt' }),
  'resources/read': modern('resources/read', { uri: 'products://catalog' }),
  'resources/read of an unknown resource': modern('resources/read', { uri: 'no://such' }),
  'completion/complete': modern('completion/complete', {
    ref: { type: 'ref/prompt', name: 'ecommerce_assistant' },
    argument: { name: 'category', value: '' },
  }),
  'an unknown method': modern('no/such'),
  'a method that is gone': modern('ping'),
  'a notification': url =>
    send(
      url,
      'POST',
      { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'notifications/no/such' },
      '{"jsonrpc":"2.0","method":"notifications/no/such"}',
    ),
}

const toEverything: Record<string, Ask> = {
  'a stream of progress': call('test_tool_with_progress'),
  'an image': call('test_image_content'),
  'a failing tool': call('test_error_handling'),
  'a request for input': call('test_elicitation', { message: 'Who?' }),
  'a capability that the client lacks': call('test_missing_capability'),
  'a header for an argument that is missing': call('test_header_parameter', { region: 'eu' }),
  'a resource from a template': modern('resources/read', { uri: 'test://template/123/data' }),
  'a binary resource': modern('resources/read', { uri: 'test://static-binary' }),
}

t.test('modern: statuses, headers and bodies are those of the upstream', async t => {
  for (const [asks, { directUrl, url, openUrl, wire }] of [
    [toMock, await beforeMock(t)],
    [toEverything, await beforeEverything(t)],
  ] as const) {
    for (const [name, ask] of Object.entries({ ...asks, ...lists })) {
      const direct = comparable(await ask(directUrl))
      t.strictSame(comparable(await ask(openUrl)), direct, `${name}, where nothing is asked for`)
      t.strictSame(
        comparable(await ask(url)),
        name in lists ? asPrivate(direct) : direct,
        `${name}, with a key`,
      )
    }
    t.ok(wire.sent().includes('"jsonrpc":"2.0", "id":"\\u00e9 1", "method"'), 'as the client wrote it')
  }
})

/** A legacy session from `initialize` to DELETE, with every answer in it. */
async function converse(url: string, protocolVersion: string, messages: readonly object[]): Promise<Reply[]> {
  const clientInfo = { name: 'raw', version: '1' }
  const hello = request(0, 'initialize', { protocolVersion, clientInfo, capabilities: {} })
  const opened = await send(url, 'POST', {}, JSON.stringify(hello))
  const { 'mcp-session-id': id = '' } = opened.headers
  const session = { 'mcp-session-id': id, 'mcp-protocol-version': protocolVersion }
  const replies = [opened]
  for (const message of messages) replies.push(await send(url, 'POST', session, JSON.stringify(message)))
  replies.push(await send(url, 'DELETE', session))
  return replies.map(comparable)
}

function request(id: number | string, method: string, params: object = {}): object {
  return { jsonrpc: '2.0', id, method, params }
}

const askedOfMock = [
  request(1, 'tools/list'),
  request(2, 'prompts/list'),
  request(3, 'resources/list'),
  request(4, 'tools/call', { name: 'get_products', arguments: { limit: 1 } }),
  request(5, 'prompts/get', { name: 'user_management', arguments: {} }),
]

const askedOfEverything = [
  { jsonrpc: '2.0', method: 'notifications/initialized' },
  request(1, 'ping'),
  request('two', 'tools/list'),
  request(3, 'tools/call', { name: 'test_tool_with_progress', _meta: { progressToken: 3 } }),
  request(4, 'tools/call', { name: 'test_error_handling' }),
  request(5, 'tools/call', { name: 'no_such_tool' }),
  request(6, 'no/such'),
  request(7, 'resources/templates/list'),
  request(8, 'resources/read', { uri: 'no://such' }),
  request(9, 'logging/setLevel', { level: 'debug' }),
]

for (const version of ['2025-03-26', '2025-06-18', '2025-11-25']) {
  t.test(`${version}: statuses, headers and bodies are those of the upstream`, async t => {
    const batch = version === '2025-03-26' ? [[request(10, 'ping'), request(11, 'tools/list')]] : []
    for (const [messages, { directUrl, url, openUrl }] of [
      [askedOfMock, await beforeMock(t)],
      [[...askedOfEverything, ...batch], await beforeEverything(t)],
    ] as const) {
      const direct = await converse(directUrl, version, messages)
      t.strictSame(await converse(openUrl, version, messages), direct, 'where nothing is asked for')
      const asked = await converse(url, version, messages)
      t.strictSame(asked.map(withoutCaching), direct.map(withoutCaching), 'with a key')
      t.ok(direct.every(({ status }) => status < 300))
    }
  })
}
