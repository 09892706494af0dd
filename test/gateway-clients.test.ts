import { createHash } from 'node:crypto'

import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import t, { type Test } from 'tap'

import { startMockServer } from '../examples/mock-server/server.ts'
import { startEverythingServer } from './conformance/everything-server.ts'
import { connect, type Connection, type ConnectOptions, type Era } from './fixtures/clients.ts'
import { hashOf, startTestGateway, until, type TestGateway } from './fixtures/gateway.ts'
import { startWire, type Wire } from './fixtures/wire.ts'

const eras: Era[] = ['v1', 'legacy', 'modern', 'auto']
const isLegacy = (era: Era): boolean => era === 'v1' || era === 'legacy'

const key = 'canary-of-the-operator-0123456789abcdef0123'
const getterKey = 'canary-of-the-getter-0123456789abcdef012345'
const authorKey = 'canary-of-the-author-0123456789abcdef012345'
const strangerKey = 'canary-of-the-stranger-0123456789abcdef0123'
const upstreamSecret = 'canary-of-the-upstream-0123456789abcdef0123'
const bearer = (secret: string): Record<string, string> => ({ authorization: `Bearer ${secret}` })

interface Setting {
  gateway: TestGateway
  /** The proxied endpoint, for which a key is needed. */
  url: string
  /** The same upstream behind a proxy that asks for nothing and hides nothing. */
  openUrl: string
  /** The upstream itself. */
  directUrl: string
  /** Between the gateway and the upstream. */
  wire: Wire
}

/** A gateway with four keys before an upstream, with a wire between them. */
async function startBefore(t: Test, directUrl: string): Promise<Setting> {
  const wire = await startWire(directUrl)
  const gateway = await startTestGateway(
    `
auth: {keys: {type: api-key}}
roles:
  operator: {access: {main: {tools: {allow: ["*"]}, prompts: {allow: ["*"]}, resources: {allow: ["*"]}}}}
  getter: {access: {main: {tools: {allow: ["get_*"]}}}}
  author: {access: {main: {tools: {allow: ["*_post"]}, prompts: {allow: ["content_*"]}, resources: {allow: ["posts://*"]}}}}
  stranger: {access: {open: {tools: {allow: ["*"]}}}}
keys:
  operator: {roles: [operator], secrets: [{hash: "${hashOf(key)}"}]}
  getter: {roles: [getter], secrets: [{hash: "${hashOf(getterKey)}"}]}
  author: {roles: [author], secrets: [{hash: "${hashOf(authorKey)}"}]}
  stranger: {roles: [stranger], secrets: [{hash: "${hashOf(strangerKey)}"}]}
proxies:
  main:
    auth: [keys]
    upstream:
      url: ${wire.url}
      headers: {X-Upstream-Key: {env: UPSTREAM_KEY}, Authorization: {env: UPSTREAM_AUTHORIZATION}}
  open: {auth: none, upstream: {url: "${wire.url}"}}
`,
    { env: { UPSTREAM_KEY: upstreamSecret, UPSTREAM_AUTHORIZATION: `Bearer ${upstreamSecret}` } },
  )
  t.teardown(async () => {
    await wire.close()
    await gateway.close()
  })
  return { gateway, wire, directUrl, url: `${gateway.url}/main/mcp`, openUrl: `${gateway.url}/open/mcp` }
}

interface Health {
  sessions: number
  slowCalls: { active: number; completed: number; aborted: number; disconnected: number }
}

async function beforeMock(t: Test): Promise<Setting & { health: () => Promise<Health> }> {
  const mock = await startMockServer({ port: 0 })
  t.teardown(mock.close)
  const health = async (): Promise<Health> => (await fetch(new URL('/health', mock.url))).json() as never
  return { ...(await startBefore(t, mock.url)), health }
}

async function beforeEverything(t: Test): Promise<Setting> {
  const everything = await startEverythingServer()
  t.teardown(everything.close)
  return startBefore(t, everything.url)
}

/** A client with the operator's key, unless it gets other headers. */
async function client(t: Test, url: string, options: ConnectOptions): Promise<Connection> {
  const connection = await connect(url, { headers: bearer(key), ...options })
  t.teardown(() => connection.close())
  return connection
}

/** Watches a client open its GET stream, on which a legacy server sends what answers no request. */
function watchStream(): { fetch: typeof fetch; open: () => boolean } {
  let open = false
  return {
    open: () => open,
    async fetch(url, init) {
      const response = await fetch(url, init)
      open ||= init?.method === 'GET' && response.ok
      return response
    },
  }
}

/** The 2.x client of a connection. */
const v2 = (connection: Connection): Client => connection.client as Client

const names = (items: readonly { name: string }[]): string[] => items.map(({ name }) => name).toSorted()

for (const era of eras) {
  t.test(`${era}: everything there is can be listed, called, read, got and completed`, async t => {
    const { url, directUrl } = await beforeMock(t)
    const through = await client(t, url, { era })
    const direct = await client(t, directUrl, { era, headers: {} })
    t.equal(through.protocolVersion, isLegacy(era) ? '2025-11-25' : '2026-07-28')

    const [tools, prompts, resources] = [
      await through.listTools(),
      await through.listPrompts(),
      await through.listResources(),
    ]
    t.strictSame([tools.length, prompts.length, resources.length], [15, 4, 3])
    t.strictSame(tools, await direct.listTools())
    t.strictSame(prompts, await direct.listPrompts())
    t.strictSame(resources, await direct.listResources())

    t.strictSame(
      await through.callTool('get_users', { limit: 2 }),
      await direct.callTool('get_users', { limit: 2 }),
    )
    const audit = { action: 'audit' }
    t.strictSame(
      await through.getPrompt('user_management', audit),
      await direct.getPrompt('user_management', audit),
    )
    t.strictSame(await through.readResource('users://list'), await direct.readResource('users://list'))
    const { completion } = await through.client.complete({
      ref: { type: 'ref/prompt', name: 'ecommerce_assistant' },
      argument: { name: 'category', value: 'f' },
    })
    t.strictSame(completion.values, ['furniture'])
    t.equal(
      (await through.callTool('delete_user', { id: 99 })).isError,
      true,
      'a failing tool fails as it does directly',
    )
  })

  t.test(`${era}: progress arrives while the call runs`, async t => {
    const { url, health } = await beforeMock(t)
    const connection = await client(t, url, { era })
    const steps: number[] = []
    const activeAt: Promise<number>[] = []
    const onprogress = ({ progress }: { progress: number }): void => {
      steps.push(progress)
      if (progress === 1) activeAt.push(health().then(({ slowCalls }) => slowCalls.active))
    }
    await connection.callTool('slow_response', { seconds: 0.5, steps: 5 }, { onprogress })
    t.strictSame(steps, [1, 2, 3, 4, 5])
    t.strictSame(await Promise.all(activeAt), [1], 'the call was working when its first step arrived')
  })

  t.test(`${era}: a server asks the client for a completion, and the user for input`, async t => {
    const { url } = await beforeEverything(t)
    const connection = await client(t, url, {
      era,
      sampling: ({ messages }) => ({
        model: 'none',
        role: 'assistant',
        content: { type: 'text', text: `${messages.length} message` },
      }),
      elicitation: ({ message }) => ({
        action: 'accept',
        content: { username: message, email: 'ada@example.com' },
      }),
    })
    t.match((await connection.callTool('test_sampling', { prompt: 'Hello?' })).content, [
      { text: /1 message/ },
    ])
    const [answer] = (await connection.callTool('test_elicitation', { message: 'Who are you?' })).content
    t.match(answer, { text: /action=accept.*Who are you\?.*ada@example\.com/ })
  })

  t.test(`${era}: a cancelled call stops at the upstream`, async t => {
    const { url, health } = await beforeMock(t)
    const connection = await client(t, url, { era })
    const leave = new AbortController()
    const called = connection.callTool('slow_response', { seconds: 60 }, { signal: leave.signal })
    await until(async () => (await health()).slowCalls.active === 1, 'the call is working')
    leave.abort()
    await t.rejects(called)
    await until(async () => (await health()).slowCalls.active === 0, 'the call has stopped')
    t.match((await health()).slowCalls, { completed: 0, aborted: 1 })
    t.equal((await connection.listTools()).length, 15, 'the client goes on')
  })

  t.test(`${era}: the upstream notices that a client vanished`, async t => {
    const { url, health, gateway } = await beforeMock(t)
    const connection = await client(t, url, { era })
    const called = connection.callTool('slow_response', { seconds: 60 })
    await until(async () => (await health()).slowCalls.active === 1, 'the call is working')
    await Promise.all([t.rejects(called), connection.client.close()])
    await until(async () => (await health()).slowCalls.disconnected === 1, 'its connection has ended', 2000)
    // A legacy client may come back and resume; for a modern one leaving means cancelling.
    const working = isLegacy(era) ? 1 : 0
    await until(
      async () => (await health()).slowCalls.active === working,
      'the upstream has drawn its conclusion',
    )
    await until(async () => (await gateway.status()).openStreams === 0, 'the gateway holds nothing open')
  })

  t.test(`${era}: changes are heard of while nothing is asked`, async t => {
    const { url, wire } = await beforeEverything(t)
    const heard: unknown[] = []
    const stream = watchStream()
    const connection = await client(t, url, {
      era,
      fetch: stream.fetch,
      notification: ({ method, params }) => heard.push([method, params?.['uri']]),
    })
    const uri = 'test://watched-resource'
    if (isLegacy(era)) {
      await until(stream.open, 'the client has its stream')
      await connection.client.subscribeResource({ uri })
    } else {
      const { honoredFilter } = await v2(connection).listen({
        resourceSubscriptions: [uri],
        toolsListChanged: true,
      })
      t.match(honoredFilter, { resourceSubscriptions: [uri], toolsListChanged: true })
    }
    await connection.callTool('test_trigger_resource_change')
    await until(() => heard.length > 0, 'the change was heard of')
    await connection.callTool('test_trigger_tool_change')
    await until(() => heard.length > 1, 'the second change was heard of')
    t.strictSame(heard, [
      ['notifications/resources/updated', uri],
      ['notifications/tools/list_changed', undefined],
    ])

    await connection.close()
    const before = wire.connections()
    const other = await client(t, url, { era })
    await other.listTools()
    t.ok(wire.connections() <= before + 2, 'its stream is closed at the upstream too')
  })

  t.test(`${era}: log messages arrive while the call runs`, async t => {
    const { url } = await beforeEverything(t)
    const heard: unknown[] = []
    const connection = await client(t, url, {
      era,
      notification: ({ params }) => heard.push(params?.['data']),
    })
    const name = 'test_tool_with_logging'
    if (isLegacy(era)) {
      await connection.client.setLoggingLevel('info')
      await connection.callTool(name)
    } else await v2(connection).callTool({ name, _meta: { 'io.modelcontextprotocol/logLevel': 'info' } })
    t.strictSame(heard, ['Tool execution started', 'Tool processing data', 'Tool execution completed'])
  })

  t.test(`${era}: a key that may call get_* sees and calls these only`, async t => {
    const { url, wire } = await beforeMock(t)
    const connection = await client(t, url, { era, headers: bearer(getterKey) })
    const allowed = ['get_analytics', 'get_anything', 'get_posts', 'get_products', 'get_users']
    t.strictSame(names(await connection.listTools()), allowed)
    t.strictSame(await connection.listPrompts(), [])
    t.strictSame(await connection.listResources(), [])
    for (const name of allowed) t.not((await connection.callTool(name)).isError, true, name)

    const before = wire.sent().length
    for (const name of ['delete_user', 'slow_response', 'Get_users', 'xget_users', 'no_such_tool']) {
      await t.rejects(
        connection.callTool(name),
        { code: -32602, message: new RegExp(`Unknown tool: ${name}$`) },
        name,
      )
    }
    await t.rejects(connection.getPrompt('user_management', { action: 'audit' }), { code: -32602 })
    await t.rejects(connection.readResource('users://list'), { code: -32602 })
    const ref = { type: 'ref/prompt', name: 'user_management' } as const
    await t.rejects(connection.client.complete({ ref, argument: { name: 'action', value: '' } }), {
      code: -32602,
    })
    if (isLegacy(era))
      await t.rejects(connection.client.subscribeResource({ uri: 'users://list' }), { code: -32602 })
    else await t.rejects(v2(connection).listen({ resourceSubscriptions: ['users://list'] }))
    t.equal(wire.sent().length, before, 'the upstream was not asked')
  })

  t.test(`${era}: what another key may do is neither listed nor callable`, async t => {
    const { url, wire } = await beforeMock(t)
    const getter = await client(t, url, { era, headers: bearer(getterKey) })
    const author = await client(t, url, { era, headers: bearer(authorKey) })
    t.strictSame(names(await author.listTools()), ['create_post'])
    t.strictSame(names(await author.listPrompts()), ['content_management'])
    t.strictSame(names(await author.listResources()), ['posts'])
    t.notOk(names(await getter.listTools()).includes('create_post'))
    await t.rejects(getter.callTool('create_post', { userId: 1, title: 'Not mine', body: '' }), {
      code: -32602,
    })
    await t.rejects(author.callTool('get_users'), { code: -32602 })
    await t.rejects(author.readResource('users://list'), { code: -32602 })
    t.not((await author.callTool('create_post', { userId: 1, title: 'Mine', body: '' })).isError, true)
    t.equal((await author.readResource('posts://list')).contents.length, 1)
    t.notMatch(wire.sent(), 'Not mine')
  })

  t.test(
    `${era}: the client's credential stays at the gateway, the upstream's goes with each call`,
    async t => {
      const { url, wire, gateway } = await beforeMock(t)
      const headers = {
        ...bearer(key),
        cookie: `key=${key}`,
        'x-upstream-key': 'forged',
        'x-request-id': '42',
      }
      const connection = await client(t, url, { era, headers })
      const { structuredContent } = await connection.callTool('get_anything', {
        nested: { list: [1, 'two'] },
      })
      const digest = createHash('sha256').update(`Bearer ${upstreamSecret}`).digest('hex').slice(0, 16)
      t.match(structuredContent, {
        arguments: { nested: { list: [1, 'two'] } },
        headers: {
          'x-upstream-key': upstreamSecret,
          authorization: `sha256:${digest}`,
          'x-request-id': '42',
        },
      })
      t.notOk('cookie' in (structuredContent as { headers: object }).headers)
      t.notMatch(wire.sent(), key, 'not in any request, GET and DELETE included')
      t.notMatch(wire.sent(), 'forged')
      t.notMatch(gateway.logText(), key)
      t.notMatch(gateway.logText(), upstreamSecret)
    },
  )

  t.test(`${era}: without a key, or with one of no use here, a client cannot connect`, async t => {
    const { url, wire } = await beforeMock(t)
    const status = era === 'v1' ? 'code' : 'status'
    await t.rejects(connect(url, { era }), { [status]: 401 }, 'none')
    await t.rejects(connect(url, { era, headers: bearer('wrong'.repeat(9)) }), { [status]: 401 }, 'wrong')
    await t.rejects(connect(url, { era, headers: bearer(strangerKey) }), { [status]: 403 }, "another proxy's")
    t.equal(wire.sent(), '')
  })
}

for (const era of ['v1', 'legacy'] as const) {
  t.test(`${era}: ping, and the end of a session`, async t => {
    const { url, health } = await beforeMock(t)
    const connection = await client(t, url, { era })
    t.strictSame(await connection.client.ping(), {})
    t.equal((await health()).sessions, 1)
    await connection.close()
    t.equal((await health()).sessions, 0, 'DELETE arrived')
  })

  for (const side of ['the client and the gateway', 'the gateway and the upstream'] as const) {
    t.test(
      `${era}: a client resumes a call by itself when the connection breaks between ${side}`,
      async t => {
        const { url, wire, health } = await beforeMock(t)
        const near = await startWire(url)
        t.teardown(near.close)
        const resumed: string[] = []
        const connection = await client(t, near.url, {
          era,
          async fetch(url, init) {
            const response = await fetch(url, init)
            const after = new Headers(init?.headers).get('last-event-id')
            if (after !== null) resumed.push(`${response.status} after ${after}`)
            return response
          },
        })
        const steps: number[] = []
        const onprogress = ({ progress }: { progress: number }): void => {
          steps.push(progress)
          if (progress === 2) (side === 'the client and the gateway' ? near : wire).cut()
        }
        const { structuredContent } = await connection.callTool(
          'slow_response',
          { seconds: 1.5 },
          { onprogress },
        )
        t.match(structuredContent, { steps: 5 })
        t.strictSame(steps, [1, 2, 3, 4, 5], 'nothing is missing, nothing comes twice')
        t.ok(resumed.length > 0 && resumed.every(line => line.startsWith('200 after ')), resumed.join(', '))
        t.match((await health()).slowCalls, { completed: 1, aborted: 0 }, 'the call was made once')
      },
    )
  }

  t.test(`${era}: a stream that the upstream closes itself is resumed`, async t => {
    const { url } = await beforeEverything(t)
    const connection = await client(t, url, { era })
    t.match((await connection.callTool('test_reconnection')).content, [
      { text: 'Reconnection test completed.' },
    ])
  })

  t.test(`${era}: what is hidden stays hidden on a resumed stream`, async t => {
    const { url } = await beforeMock(t)
    const near = await startWire(url)
    t.teardown(near.close)
    let cut = false
    const connection = await client(t, near.url, {
      era,
      headers: bearer(getterKey),
      async fetch(url, init) {
        const response = await fetch(url, init)
        if (cut || !String(init?.body).includes('tools/list')) return response
        cut = true
        // The list is on its way; the client has seen the event that primes the stream, and resumes after it.
        const [primer] = (await response.text()).split(/(?<=\n\n)/)
        return new Response(primer, { status: response.status, headers: response.headers })
      },
    })
    t.strictSame(names(await connection.listTools()), [
      'get_analytics',
      'get_anything',
      'get_posts',
      'get_products',
      'get_users',
    ])
    t.ok(cut)
  })

  t.test(`${era}: a session is of no use to another key`, async t => {
    const { url, health, wire } = await beforeMock(t)
    const owner = await client(t, url, { era })
    const sessionId = owner.transport.sessionId ?? ''
    const headers = bearer(getterKey)
    if (era === 'v1') {
      const thief = new ClientV1({ name: 'thief', version: '1' })
      await thief.connect(new TransportV1(new URL(url), { sessionId, requestInit: { headers } }))
      t.teardown(() => thief.close())
      await t.rejects(thief.ping(), { code: 404 })
    } else {
      const thief = new Client({ name: 'thief', version: '1' })
      await thief.connect(
        new StreamableHTTPClientTransport(new URL(url), { sessionId, requestInit: { headers } }),
      )
      t.teardown(() => thief.close())
      await t.rejects(thief.ping(), { status: 404 })
    }
    const before = wire.sent().length
    const stream = await fetch(url, {
      headers: { ...headers, accept: 'text/event-stream', 'mcp-session-id': sessionId },
    })
    t.equal(stream.status, 404)
    t.match(await stream.json(), { error: { code: 40401, data: { reason: 'session_unknown' } } })
    t.equal(
      (await fetch(url, { method: 'DELETE', headers: { ...headers, 'mcp-session-id': sessionId } })).status,
      404,
    )
    t.equal(wire.sent().length, before, 'the upstream was not asked')
    t.equal((await health()).sessions, 1)
    t.strictSame(await owner.client.ping(), {}, 'the owner goes on')
  })
}

t.test('modern: a call whose stream breaks is rejected, and is not made again', async t => {
  const { url, wire, health } = await beforeMock(t)
  const near = await startWire(url)
  t.teardown(near.close)
  const connection = await client(t, near.url, { era: 'modern' })
  for (const [broken, code] of [
    [wire, 50201],
    [near, undefined],
  ] as const) {
    const onprogress = (): void => broken.cut()
    const called = connection.callTool('slow_response', { seconds: 1 }, { onprogress })
    await t.rejects(called, code === undefined ? {} : { code })
  }
  await until(async () => (await health()).slowCalls.active === 0, 'both calls have stopped')
  t.match((await health()).slowCalls, { completed: 0, aborted: 2 })
})

t.test('modern: the state of a call in several rounds comes back as it was minted', async t => {
  const { url } = await beforeEverything(t)
  const connection = await client(t, url, {
    era: 'modern',
    elicitation: ({ message }) => ({
      action: 'accept',
      content: { name: 'Ada', color: 'red', ok: true, message },
    }),
  })
  const { content } = await connection.callTool('test_input_required_result_multi_round')
  t.match(content, [{ text: 'Ada likes red.' }])
  t.match((await connection.callTool('test_input_required_result_tampered_state')).content, [
    { text: 'state-ok' },
  ])
})

t.test('modern: an argument that is mirrored in a header arrives in both', async t => {
  const { url, wire } = await beforeEverything(t)
  const connection = await client(t, url, { era: 'modern' })
  await connection.listTools()
  const { content } = await connection.callTool('test_header_parameter', { region: 'Zürich' })
  t.match(content, [{ text: 'Region: Zürich' }])
  t.match(wire.sent(), /mcp-param-region: =\?base64\?WsO8cmljaA==\?=/i)
})

interface Reply {
  status: number
  headers: Record<string, string>
  body: string
}

type Ask = (url: string) => Promise<Reply>

async function send(url: string, body: string, headers: Record<string, string>): Promise<Reply> {
  const accept = 'application/json, text/event-stream'
  const response = await fetch(url, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', accept, ...bearer(key), ...headers },
  })
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    body: await response.text(),
  }
}

/** A request of 2026-07-28. */
function modern(method: string, params: Record<string, unknown> = {}, id: string = '"é-1"'): Ask {
  const name = params['name'] ?? params['uri']
  const headers: Record<string, string> = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': method }
  if (typeof name === 'string') headers['mcp-name'] = name
  const meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': { elicitation: { form: {} } },
    'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '1' },
    progressToken: 'p',
  }
  const all = JSON.stringify({ ...params, _meta: meta })
  const text = `{"jsonrpc":"2.0", "id":${id}, "method":${JSON.stringify(method)}, "params":${all}}`
  return url => send(url, text, headers)
}

const call = (name: string, args: Record<string, unknown> = {}): Ask =>
  modern('tools/call', { name, arguments: args })

/** What the gateway may add to an answer, and what belongs to a connection. */
const incomparable = [
  'date',
  'connection',
  'keep-alive',
  'transfer-encoding',
  'content-length',
  'mcp-session-id',
]
const added = { 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no' }

function comparable({ status, headers, body }: Reply): Reply {
  const isStream = headers['content-type']?.startsWith('text/event-stream') === true
  const compared = Object.entries({ ...(isStream ? added : {}), ...headers }).filter(
    ([name]) => !incomparable.includes(name),
  )
  return { status, headers: Object.fromEntries(compared.toSorted()), body }
}

/** Lists, for which the gateway says that they are for this caller only. */
const asPrivate = ({ body, ...rest }: Reply): Reply => ({
  ...rest,
  body: body.replace('"cacheScope":"public"', '"cacheScope":"private"'),
})

const toMock: Record<string, Ask> = {
  'server/discover': modern('server/discover'),
  'tools/call': call('get_users', { limit: 2 }),
  'tools/call, with another id': modern('tools/call', { name: 'get_posts' }, '9007199254740993'),
  'tools/call, with wrong arguments': call('get_users', { limit: 'two' }),
  'tools/call, failing': call('delete_user', { id: 99 }),
  'tools/call, an unknown tool': call('no_such_tool'),
  'prompts/get': modern('prompts/get', { name: 'user_management', arguments: { action: 'audit' } }),
  'prompts/get, without an argument': modern('prompts/get', { name: 'user_management', arguments: {} }),
  'prompts/get, an unknown prompt': modern('prompts/get', { name: 'no_such_prompt' }),
  'resources/read': modern('resources/read', { uri: 'products://catalog' }),
  'resources/read, an unknown resource': modern('resources/read', { uri: 'no://such' }),
  'completion/complete': modern('completion/complete', {
    ref: { type: 'ref/prompt', name: 'ecommerce_assistant' },
    argument: { name: 'category', value: '' },
  }),
  'an unknown method': modern('no/such'),
  'ping, which is gone': modern('ping'),
  'a notification': url =>
    send(url, '{"jsonrpc":"2.0","method":"notifications/no/such"}', {
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'notifications/no/such',
    }),
}

const lists: Record<string, Ask> = {
  'tools/list': modern('tools/list'),
  'prompts/list': modern('prompts/list'),
  'resources/list': modern('resources/list'),
  'resources/templates/list': modern('resources/templates/list'),
}

const toEverything: Record<string, Ask> = {
  'a stream of progress': call('test_tool_with_progress'),
  'an image': call('test_image_content'),
  'a failing tool': call('test_error_handling'),
  'a request for input': call('test_elicitation', { message: 'Who?' }),
  'a capability that the client lacks': call('test_missing_capability'),
  'a header that is missing': call('test_header_parameter', { region: 'eu' }),
  'a resource from a template': modern('resources/read', { uri: 'test://template/123/data' }),
  'a binary resource': modern('resources/read', { uri: 'test://static-binary' }),
}

t.test('modern: statuses, headers and bodies are those of the upstream', async t => {
  const mock = await beforeMock(t)
  const everything = await beforeEverything(t)
  const asked = [
    ...Object.entries({ ...toMock, ...lists }).map(([name, ask]) => ({ name, ask, ...mock })),
    ...Object.entries({ ...toEverything, ...lists }).map(([name, ask]) => ({ name, ask, ...everything })),
  ]
  for (const { name, ask, directUrl, url, openUrl } of asked) {
    const direct = comparable(await ask(directUrl))
    t.strictSame(comparable(await ask(openUrl)), direct, `${name}, without a key`)
    t.strictSame(
      comparable(await ask(url)),
      name in lists ? asPrivate(direct) : direct,
      `${name}, with a key`,
    )
  }
})

t.test('legacy: statuses, headers and bodies are those of the upstream', async t => {
  const everything = await beforeEverything(t)
  const mock = await beforeMock(t)
  for (const protocolVersion of ['2025-03-26', '2025-06-18', '2025-11-25']) {
    const clientInfo = { name: 'raw', version: '1' }
    const hello = {
      jsonrpc: '2.0',
      id: 0,
      method: 'initialize',
      params: { protocolVersion, clientInfo, capabilities: {} },
    }
    const conversation = async (url: string, messages: unknown[]): Promise<Reply[]> => {
      const opened = await send(url, JSON.stringify(hello), {})
      const session = {
        'mcp-session-id': opened.headers['mcp-session-id'] ?? '',
        'mcp-protocol-version': protocolVersion,
      }
      t.not(session['mcp-session-id'], '')
      const replies = [opened]
      for (const message of messages) replies.push(await send(url, JSON.stringify(message), session))
      const gone = await fetch(url, { method: 'DELETE', headers: { ...bearer(key), ...session } })
      replies.push({
        status: gone.status,
        headers: Object.fromEntries(gone.headers),
        body: await gone.text(),
      })
      return replies.map(comparable)
    }
    const request = (id: number | string, method: string, params: object = {}): object => ({
      jsonrpc: '2.0',
      id,
      method,
      params,
    })
    const toEverything = [
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
      ...(protocolVersion === '2025-03-26' ? [[request(10, 'ping'), request(11, 'tools/list')]] : []),
    ]
    const toMock = [
      request(1, 'tools/list'),
      request(2, 'prompts/list'),
      request(3, 'resources/list'),
      request(4, 'tools/call', { name: 'get_products', arguments: { limit: 1 } }),
      request(5, 'prompts/get', { name: 'user_management', arguments: {} }),
    ]
    for (const [{ directUrl, url, openUrl }, messages] of [
      [everything, toEverything],
      [mock, toMock],
    ] as const) {
      const direct = await conversation(directUrl, messages)
      t.strictSame(await conversation(openUrl, messages), direct, `${protocolVersion}, without a key`)
      t.strictSame(await conversation(url, messages), direct, `${protocolVersion}, with a key`)
    }
  }
})
