import { createHash } from 'node:crypto'

import t from 'tap'

import { connectDuring, type Connection, type ConnectOptions, type Era } from './fixtures/clients.ts'
import { startMock } from './fixtures/mock.ts'
import { until } from './fixtures/until.ts'

const eras: Era[] = ['v1', 'legacy', 'modern', 'auto']
const tools =
  'create_post create_user delete_user format_date generate_report generate_uuid get_analytics get_anything ' +
  'get_posts get_products get_users process_order slow_response update_user validate_email'
const prompts = 'analytics_dashboard content_management ecommerce_assistant user_management'
const resources = 'posts://list products://catalog users://list'

const sorted = (names: string[]): string => names.toSorted().join(' ')

const order = (...items: [number, number][]): Record<string, unknown> => ({
  userId: 1,
  items: items.map(([productId, quantity]) => ({ productId, quantity })),
})

/** Calls a tool that must succeed and returns its structured content. */
async function call(connection: Connection, name: string, args: Record<string, unknown> = {}): Promise<any> {
  const { isError, structuredContent, content } = await connection.callTool(name, args)
  if (isError === true) throw new Error(JSON.stringify(content))
  return structuredContent
}

async function fails(connection: Connection, name: string, args: Record<string, unknown>): Promise<boolean> {
  return (await connection.callTool(name, args)).isError === true
}

async function read(connection: Connection, uri: string): Promise<any> {
  const [content] = (await connection.readResource(uri)).contents
  return JSON.parse(content !== undefined && 'text' in content ? content.text : '')
}

for (const era of eras) {
  const version = era === 'v1' || era === 'legacy' ? '2025-11-25' : '2026-07-28'

  t.test(`${era}: lists 15 tools, 4 prompts, 3 resources`, async t => {
    const connection = await connectDuring(t, (await startMock(t)).url, { era })
    t.equal(connection.protocolVersion, version)
    const listed = await connection.listTools()
    t.equal(sorted(listed.map(({ name }) => name)), tools)
    for (const { title, description, annotations } of listed) t.ok(title && description && annotations)
    const destructive = listed.filter(({ annotations }) => annotations?.destructiveHint === true)
    t.equal(sorted(destructive.map(({ name }) => name)), 'delete_user process_order update_user')
    t.equal(sorted((await connection.listPrompts()).map(({ name }) => name)), prompts)
    t.equal(sorted((await connection.listResources()).map(({ uri }) => uri)), resources)
  })

  t.test(`${era}: progress streams, one step at a time`, async t => {
    const { url, health } = await startMock(t)
    const connection = await connectDuring(t, url, { era })
    const activeAt: number[] = []
    const steps: number[] = []
    const onprogress = async ({ progress }: { progress: number }): Promise<void> => {
      steps.push(progress)
      if (progress === 1) activeAt.push((await health()).slowCalls.active)
    }
    await connection.callTool('slow_response', { seconds: 0.25, steps: 5 }, { onprogress })
    t.strictSame(steps, [1, 2, 3, 4, 5])
    t.strictSame(activeAt, [1], 'the first step arrived while the call was working')
    t.strictSame((await health()).slowCalls, { active: 0, completed: 1, aborted: 0, disconnected: 0 })
  })

  t.test(`${era}: a cancelled call stops working`, async t => {
    const { url, health } = await startMock(t)
    const connection = await connectDuring(t, url, { era })
    const leave = new AbortController()
    const called = connection.callTool('slow_response', { seconds: 60 }, { signal: leave.signal })
    await until(async () => (await health()).slowCalls.active === 1, 'the call is working')
    leave.abort()
    await t.rejects(called)
    await until(async () => (await health()).slowCalls.active === 0, 'the call has stopped')
    t.match((await health()).slowCalls, { completed: 0, aborted: 1 })
  })

  t.test(`${era}: a client that vanishes is noticed`, async t => {
    const { url, health } = await startMock(t)
    const connection = await connectDuring(t, url, { era })
    const called = connection.callTool('slow_response', { seconds: 60 })
    await until(async () => (await health()).slowCalls.active === 1, 'the call is working')
    await Promise.all([t.rejects(called), connection.client.close()])
    await until(async () => (await health()).slowCalls.disconnected === 1, 'its connection has ended')
    // A legacy client may come back and resume; for a modern one leaving means cancelling.
    const working = version === '2025-11-25' ? 1 : 0
    await until(async () => (await health()).slowCalls.active === working, 'it works on, or has stopped')
    t.equal((await health()).slowCalls.aborted, 1 - working)
  })

  t.test(`${era}: subscribers hear of the resources they subscribed to`, async t => {
    const heard: unknown[] = []
    const notification: ConnectOptions['notification'] = ({ method, params }) =>
      heard.push([method, params?.['uri']])
    let streaming = version === '2026-07-28'
    const watched: typeof fetch = async (url, init) => {
      const response = await fetch(url, init)
      streaming ||= init?.method === 'GET'
      return response
    }
    const connection = await connectDuring(t, (await startMock(t)).url, { era, notification, fetch: watched })
    await until(() => streaming, 'the client has its stream')
    const uri = 'users://list'
    if ('listen' in connection.client && version === '2026-07-28')
      await connection.client.listen({ resourceSubscriptions: [uri] })
    else await connection.client.subscribeResource({ uri })
    await call(connection, 'create_post', { userId: 1, title: 'Not subscribed', body: '' })
    await call(connection, 'delete_user', { id: 5 })
    await until(() => heard.length > 0, 'the change was heard of')
    t.strictSame(heard, [['notifications/resources/updated', uri]])
  })

  t.test(`${era}: get_anything shows what arrived, but no credential`, async t => {
    const headers = { authorization: 'Bearer secret', cookie: 'a=secret', 'x-request-id': '42' }
    const connection = await connectDuring(t, (await startMock(t)).url, { era, headers })
    const seen = await call(connection, 'get_anything', { nested: { list: [1, 'two'] } })
    t.strictSame(seen.arguments, { nested: { list: [1, 'two'] } })
    t.match(seen.headers, { 'x-request-id': '42', 'mcp-protocol-version': version })
    const digest = createHash('sha256').update('Bearer secret').digest('hex').slice(0, 16)
    t.equal(seen.headers.authorization, `sha256:${digest}`)
    t.notMatch(JSON.stringify(seen), /secret/)
    t.equal(seen.sessionId, connection.transport.sessionId)
  })

  t.test(`${era}: prompts are filled from the data`, async t => {
    const connection = await connectDuring(t, (await startMock(t)).url, { era })
    const ask = async (name: string, args: Record<string, string>): Promise<string> =>
      JSON.stringify((await connection.getPrompt(name, args)).messages)
    t.match(await ask('user_management', { action: 'audit' }), /ada@example\.com/)
    const shop = await ask('ecommerce_assistant', { category: 'stationery', budget: '20' })
    t.ok(shop.includes('Dotted notebook') && shop.includes('20 euros') && !shop.includes('USB-C hub'))
    t.match(await ask('content_management', { topic: 'relays' }), /relays.*A moth in the relay/)
    t.match(await ask('analytics_dashboard', {}), /stockValue/)
    await t.rejects(connection.getPrompt('ecommerce_assistant'), { code: -32602 }, 'category is required')
    const argument = { name: 'category', value: 'f' }
    const ref = { type: 'ref/prompt', name: 'ecommerce_assistant' } as const
    t.strictSame((await connection.client.complete({ ref, argument })).completion.values, ['furniture'])
  })
}

for (const era of ['v1', 'legacy'] as const) {
  t.test(`${era}: a stream that breaks is resumed without a gap`, async t => {
    const { url, health } = await startMock(t)
    const broken = new AbortController()
    const resumedAfter: (string | null)[] = []
    const connection = await connectDuring(t, url, {
      era,
      fetch: (url, init) => {
        const resumed = new Headers(init?.headers).get('last-event-id')
        if (resumed !== null) resumedAfter.push(resumed)
        const breaks = String(init?.body).includes('slow_response')
        return fetch(url, breaks ? { ...init, signal: broken.signal } : init)
      },
    })
    const steps: number[] = []
    const onprogress = ({ progress }: { progress: number }): void => {
      steps.push(progress)
      if (progress === 2) broken.abort()
    }
    const { structuredContent } = await connection.callTool('slow_response', { seconds: 1 }, { onprogress })
    t.match(structuredContent, { steps: 5 })
    t.strictSame(steps, [1, 2, 3, 4, 5])
    t.equal(resumedAfter.length, 1)
    t.strictSame((await health()).slowCalls, { active: 0, completed: 1, aborted: 0, disconnected: 1 })
  })
}

t.test('users: found, created, updated, deleted with their posts', async t => {
  const connection = await connectDuring(t, (await startMock(t)).url, { era: 'modern' })
  const { total, items, nextOffset } = await call(connection, 'get_users', { limit: 2, offset: 1 })
  t.strictSame([total, items.map((user: any) => user.id), nextOffset], [5, [2, 3], 3])
  t.equal((await call(connection, 'get_users', { role: 'viewer', active: false })).items[0].id, 5)
  t.equal((await call(connection, 'get_users', { search: 'HOPPER' })).total, 1)

  const { user } = await call(connection, 'create_user', { name: ' Mary ', email: 'Mary@Example.com' })
  t.match(user, { name: 'Mary', email: 'mary@example.com', role: 'viewer', active: true })
  t.ok(await fails(connection, 'create_user', { name: 'Again', email: 'MARY@example.com' }), 'taken')
  t.ok(await fails(connection, 'create_user', { name: 'Bad', email: 'no-at' }), 'not an address')
  t.ok(await fails(connection, 'create_user', { name: 'B', email: 'x@y.org', role: 'king' }), 'no such role')

  const updated = await call(connection, 'update_user', { id: user.id, role: 'editor' })
  t.strictSame(updated.user, { ...user, role: 'editor' })
  t.ok(await fails(connection, 'update_user', { id: user.id, email: 'ada@example.com' }), 'taken')
  t.ok(await fails(connection, 'update_user', { id: user.id }), 'nothing to change')
  t.equal((await read(connection, 'users://list')).length, 6)

  t.equal((await call(connection, 'delete_user', { id: 2 })).deletedPosts, 2)
  t.equal((await call(connection, 'get_posts', { userId: 2 })).total, 0)
  t.ok(await fails(connection, 'delete_user', { id: 2 }), 'gone')
  t.notOk((await read(connection, 'users://list')).some((user: any) => user.id === 2))
})

t.test('posts: found by author, tag, status and text; written by active users only', async t => {
  const connection = await connectDuring(t, (await startMock(t)).url, { era: 'legacy' })
  t.equal((await call(connection, 'get_posts')).items[0].id, 106, 'newest first')
  t.equal((await call(connection, 'get_posts', { tag: 'history' })).total, 2)
  t.equal((await call(connection, 'get_posts', { status: 'draft', userId: 3 })).items[0].id, 105)
  t.equal((await call(connection, 'get_posts', { search: 'moth' })).total, 1)
  const post = { userId: 1, title: 'New', body: 'Text', tags: ['A', 'a'] }
  t.match((await call(connection, 'create_post', post)).post, { tags: ['a'], status: 'draft' })
  t.equal((await read(connection, 'posts://list')).at(-1).title, 'New')
  t.ok(await fails(connection, 'create_post', { ...post, userId: 5 }), 'inactive')
  t.ok(await fails(connection, 'create_post', { ...post, userId: 77 }), 'unknown')
})

t.test('products: filtered, and sold all or nothing', async t => {
  const connection = await connectDuring(t, (await startMock(t)).url, { era: 'v1' })
  const cheap = await call(connection, 'get_products', { maxPrice: 45, inStock: true })
  const ids = cheap.items.map(({ id }: any) => id)
  t.strictSame(ids, [205, 202, 203], 'cheapest first')
  t.equal((await call(connection, 'get_products', { category: 'furniture', minPrice: 100 })).total, 1)
  t.ok(await fails(connection, 'get_products', { minPrice: 2, maxPrice: 1 }))

  const sold = (await call(connection, 'process_order', order([205, 2], [202, 1], [205, 1]))).order
  t.match(sold, { subtotal: 65.45, shipping: 4.9, total: 70.35 })
  t.equal(sold.lines.length, 2, 'lines of one product are joined')
  t.match((await call(connection, 'process_order', order([204, 3]))).order, { shipping: 0, total: 1497 })
  t.ok(await fails(connection, 'process_order', order([205, 1], [204, 1])), 'sold out')
  t.ok(await fails(connection, 'process_order', order([999, 1])), 'no such product')
  const stock = (await read(connection, 'products://catalog')).map(({ stock }: any) => stock)
  t.strictSame(stock, [12, 39, 18, 0, 197, 0], 'a refused order changes nothing')

  const numbers = await call(connection, 'get_analytics')
  t.strictSame(numbers.orders.revenue, 1567.35)
  t.match(numbers.orders.unitsSold, { 'Standing desk': 3, 'Dotted notebook': 3, 'USB-C hub': 1 })
  t.match(numbers, {
    users: { total: 5, active: 4 },
    posts: { byStatus: { draft: 2 } },
    products: { soldOut: 2 },
  })
  const [text] = (await connection.callTool('generate_report', { subject: 'orders', title: 'Sales' })).content
  t.match(text, { text: /^Sales\n=====\n\nid +user +lines +total\n(-+ *)+\n1001 +1 +2 +70.35\n/ })
})

t.test('text tools', async t => {
  const connection = await connectDuring(t, (await startMock(t)).url, { era: 'modern' })
  const valid = await call(connection, 'validate_email', { email: 'a.b+c@Example.org' })
  t.strictSame(valid, { valid: true, faults: [], local: 'a.b+c', domain: 'example.org' })
  const wrong = ['a..b@example.org', '@x.org', 'a@b', 'a@-x.org', `${'a'.repeat(65)}@x.org`, 'a b@x.org']
  for (const email of wrong)
    t.equal((await call(connection, 'validate_email', { email })).valid, false, email)
  for (const version of [4, 7]) {
    const { uuids } = await call(connection, 'generate_uuid', { version, count: 50 })
    t.equal(new Set(uuids).size, 50)
    const shape = new RegExp(`^\\w{8}-\\w{4}-${version}\\w{3}-[89ab]\\w{3}-\\w{12}$`)
    for (const uuid of uuids) t.match(uuid, shape)
    const age = Date.now() - Number.parseInt(uuids[0].slice(0, 13).replace('-', ''), 16)
    t.equal(age >= 0 && age < 60_000, version === 7, 'version 7 begins with the time')
  }
  const date = { date: '2026-07-28T12:00:00Z', timeZone: 'Asia/Tokyo', locale: 'de-DE', timeStyle: 'short' }
  t.equal((await call(connection, 'format_date', date)).formatted, 'Dienstag, 28. Juli 2026 um 21:00')
  t.ok(await fails(connection, 'format_date', { timeZone: 'Mars/Olympus' }))
  t.ok(await fails(connection, 'format_date', { date: 'soon' }))
})
