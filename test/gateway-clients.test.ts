import { createHash } from 'node:crypto'

import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import t, { type Test } from 'tap'

import { parseAnswer } from './fixtures/answer.ts'
import { connect, connectDuring, type Connection, type ConnectOptions, type Era } from './fixtures/clients.ts'
import { bearer, beforeEverything, beforeMock, keys, upstreamSecret } from './fixtures/proxied.ts'
import { until } from './fixtures/until.ts'
import { startWire, type Wire } from './fixtures/wire.ts'

const eras: Era[] = ['v1', 'legacy', 'modern', 'auto']
const isLegacy = (era: Era): boolean => era === 'v1' || era === 'legacy'

/** A client with the operator's key, unless it gets other headers. */
function client(t: Test, url: string, options: ConnectOptions): Promise<Connection> {
  return connectDuring(t, url, { headers: bearer(keys.operator), ...options })
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

    const before = wire.connections()
    await connection.client.close()
    await until(() => wire.connections() < before, 'its stream is closed at the upstream too', 2000)
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
    const connection = await client(t, url, { era, headers: bearer(keys.getter) })
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
    const getter = await client(t, url, { era, headers: bearer(keys.getter) })
    const author = await client(t, url, { era, headers: bearer(keys.author) })
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

  t.test(`${era}: the client's key stays at the gateway, the upstream gets its own`, async t => {
    const { url, openUrl, wire, gateway } = await beforeMock(t)
    const headers = {
      ...bearer(keys.operator),
      cookie: `key=${keys.operator}`,
      'x-upstream-key': 'forged',
      'x-request-id': '42',
    }
    const seen = async (url: string): Promise<Record<string, string>> => {
      const connection = await client(t, url, { era, headers })
      const { structuredContent } = await connection.callTool('get_anything', { list: [1, 'two'] })
      t.match(structuredContent, { arguments: { list: [1, 'two'] } })
      return (structuredContent as { headers: Record<string, string> }).headers
    }
    const withKey = await seen(url)
    t.match(withKey, { 'x-upstream-key': upstreamSecret, 'x-request-id': '42' })
    t.notOk('authorization' in withKey || 'cookie' in withKey)
    t.notMatch(wire.sent(), 'forged')
    const digest = createHash('sha256').update(`Bearer ${upstreamSecret}`).digest('hex').slice(0, 16)
    const withToken = await seen(openUrl)
    t.match(withToken, { 'x-upstream-key': 'forged', authorization: `sha256:${digest}` })
    t.notOk('cookie' in withToken)
    t.notMatch(wire.sent(), keys.operator, 'not in any request, GET and DELETE included')
    t.notMatch(gateway.logText(), keys.operator)
    t.notMatch(gateway.logText(), upstreamSecret)
  })

  t.test(`${era}: without a key, or with one of no use here, a client cannot connect`, async t => {
    const { url, wire } = await beforeMock(t)
    const status = async (headers: Record<string, string>): Promise<unknown> => {
      const error = await connect(url, { era, headers }).catch((error: object) => error)
      return 'status' in error ? error.status : 'code' in error && error.code
    }
    t.equal(await status({}), 401)
    t.equal(await status(bearer('wrong'.repeat(9))), 401)
    t.equal(await status(bearer(keys.stranger)), 403, "another proxy's key")
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
          { seconds: 0.8 },
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
      headers: bearer(keys.getter),
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
    const headers = bearer(keys.getter)
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
      t.match(await thief.ping().catch((error: unknown) => error), { status: 404 })
    }
    const before = wire.sent().length
    const stream = await fetch(url, {
      headers: { ...headers, accept: 'text/event-stream', 'mcp-session-id': sessionId },
    })
    t.equal(stream.status, 404)
    t.match(parseAnswer(await stream.text()), { error: { code: 40401, data: { reason: 'session_unknown' } } })
    t.equal(
      (await fetch(url, { method: 'DELETE', headers: { ...headers, 'mcp-session-id': sessionId } })).status,
      404,
    )
    t.equal(wire.sent().length, before, 'the upstream was not asked')
    t.equal((await health()).sessions, 1)
    t.strictSame(await owner.client.ping(), {}, 'the owner goes on')
  })
}

t.test('modern: a call fails when the upstream breaks, and stops when the client does', async t => {
  const { url, wire, health } = await beforeMock(t)
  const near = await startWire(url)
  t.teardown(near.close)
  const connection = await client(t, near.url, { era: 'modern' })
  const slow = (broken: Wire): Promise<unknown> =>
    connection.callTool('slow_response', { seconds: 60, steps: 100 }, { onprogress: () => broken.cut() })
  await t.rejects(slow(wire), { code: 50201 })
  await until(async () => (await health()).slowCalls.aborted === 1, 'the call has stopped')

  const called = slow(near)
  await until(async () => (await health()).slowCalls.aborted === 2, 'this one too')
  // The SDK's client leaves a call pending when the connection is reset under it.
  await Promise.all([t.rejects(called), connection.client.close()])
  t.match((await health()).slowCalls, { active: 0, completed: 0 }, 'no call was made again')
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
