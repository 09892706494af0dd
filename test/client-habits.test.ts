import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import t, { type Test } from 'tap'
import { hashSecret } from '../gateway/auth/api-key/key.ts'
import { until } from './fixtures/until.ts'
import { startTestGateway, type TestGateway } from './fixtures/gateway.ts'
import {
  json,
  messageOf,
  sse,
  startTestUpstream,
  type Arrival,
  type TestUpstream,
} from './fixtures/upstream.ts'

const key = 'canary-of-the-client-0123456789abcdef012345'

interface Whole {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

interface Setting {
  readonly gateway: TestGateway
  readonly upstream: TestUpstream
  /** Sends headers as they are written, also several of one name. */
  send(
    headers: readonly (readonly [string, string])[],
    body?: string,
    more?: { method?: string; path?: string },
  ): Promise<Whole>
}

async function setUp(t: Test, listen = '', more = ''): Promise<Setting> {
  const upstream = await startTestUpstream((arrival, response) => {
    if (arrival.method === 'GET') {
      sse(response)
      response.end()
    } else
      json(response, { jsonrpc: '2.0', id: messageOf(arrival).id, result: {} }, 200, {
        'mcp-session-id': 's-1',
      })
  })
  t.teardown(upstream.close)
  const gateway = await startTestGateway(
    `
listen:
  publicUrl: https://mcp.example.com
${listen}
auth: {keys: {type: api-key}}
roles: {all: {access: {"*": {tools: {allow: ["*"]}}}}}
keys:
  agent: {roles: [all], secrets: [{hash: "${hashSecret(key)}"}]}
  off: {disabled: true, roles: [all], secrets: [{hash: "${hashSecret(`${key}-off`)}"}]}
proxies:
  main: {auth: [keys], upstream: {url: "${upstream.url}"}}
${more.replaceAll('UPSTREAM', `upstream: {url: "${upstream.url}"}`)}
`,
    { watch: false },
  )
  t.teardown(gateway.close)
  const send: Setting['send'] = (headers, body = '', { method = 'POST', path = '/main/mcp' } = {}) =>
    new Promise((resolve, reject) => {
      const flat = [['Host', new URL(gateway.url).host], ...headers].flat()
      const sent = httpRequest(
        `${gateway.url}${path}`,
        { method, headers: flat, setHost: false },
        response => {
          let text = ''
          response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
          response.on('end', () =>
            resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
          )
        },
      )
      sent.on('error', reject).end(body)
    })
  return { gateway, upstream, send }
}

const known = ['Authorization', `Bearer ${key}`] as const
const typed = [known, ['Content-Type', 'application/json']] as const
const both = ['Accept', 'application/json, text/event-stream'] as const
const call = (name = 'get_a', meta = false): string =>
  JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name, ...(meta && { _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' } }) },
  })

/** Every value of a header that arrived at the upstream. */
const valuesOf = ({ rawHeaders }: Arrival, name: string): string[] =>
  rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]!.toLowerCase() === name)

t.test('a header sent twice with one value was refused', async t => {
  const { send, upstream } = await setUp(t)
  const opened = await send([...typed, both], '{"jsonrpc":"2.0","id":1,"method":"initialize"}')
  const session = String(opened.headers['mcp-session-id'])
  type Sent = [spelling: string, value: string]
  const legacy: Sent[] = [['MCP-Protocol-Version', '2025-11-25']]
  const modern: Sent[] = [
    ['MCP-Protocol-Version', '2026-07-28'],
    ['Mcp-Method', 'tools/call'],
    ['Mcp-Name', 'get_a'],
  ]
  const cases: [string, Sent[], boolean][] = [
    ['legacy', [...legacy, ['Mcp-Session-Id', session]], false],
    ['legacy, with the mirrors of the modern era', [...legacy, ...modern.slice(1)], false],
    ['modern', modern, true],
  ]
  for (const [what, headers, isModern] of cases) {
    for (const [name, value] of headers) {
      const others = headers.filter(([other]) => other !== name)
      const copies: Record<string, Sent[]> = {
        'two lines': [
          [name, value],
          [name.toLowerCase(), value],
        ],
        'three lines': [
          [name, value],
          [name, value],
          [name.toUpperCase(), value],
        ],
        'a list': [[name, `${value}, ${value}`]],
        'a list without a blank': [[name, `${value},${value}`]],
        'a list and a line': [
          [name, `${value}, ${value}`],
          [name, value],
        ],
      }
      for (const [how, sent] of Object.entries(copies)) {
        if (how.startsWith('a list and') && name === 'Mcp-Name') continue
        const { status, text } = await send([...typed, both, ...others, ...sent], call('get_a', isModern))
        t.equal(status, 200, `${what}: ${name} as ${how}: ${text}`)
        const expected = name === 'Mcp-Session-Id' ? 's-1' : value
        t.same(
          valuesOf(upstream.arrivals.at(-1)!, name.toLowerCase()),
          [expected],
          `${name} goes upstream once`,
        )
      }
      const before = upstream.arrivals.length
      const differing = [
        [name, value],
        [name, `${value}x`],
      ] as Sent[]
      const two = await send([...typed, both, ...others, ...differing], call('get_a', isModern))
      t.equal(two.status, 400, `${what}: two values of ${name}`)
      const list = await send(
        [...typed, both, ...others, [name, `${value}, ${value}x`]],
        call('get_a', isModern),
      )
      t.ok([400, 404].includes(list.status), `${what}: a list of two values of ${name}`)
      t.equal(upstream.arrivals.length, before, 'neither goes upstream')
    }
  }
  const name = 'a, a'
  const named = [...modern.slice(0, 2), ['Mcp-Name', name]] as Sent[]
  t.equal(
    (await send([...typed, both, ...named], call(name, true))).status,
    200,
    'a name that reads like copies',
  )
  t.same(valuesOf(upstream.arrivals.at(-1)!, 'mcp-name'), [name])
})

t.test('the endpoint with a slash at its end was unknown', async t => {
  const { send, upstream } = await setUp(t, '', `  bare: {auth: none, path: /, UPSTREAM}`)
  for (const path of ['/main/mcp', '/main/mcp/']) {
    t.equal((await send([...typed, both], call(), { path })).status, 200, path)
    t.equal(upstream.arrivals.at(-1)!.url, '/mcp')
    t.equal((await send([], '', { path })).status, 401, path)
  }
  for (const path of ['/main/mcp//', '/main/mcp/x', '/main//mcp', '//'])
    t.equal((await send([...typed, both], call(), { path })).status, 404, path)
})

t.test('a client that accepts everything without saying so was refused by its server', async t => {
  const { send, upstream } = await setUp(t)
  const posted = 'application/json, text/event-stream'
  const cases: [method: 'POST' | 'GET', accept: string | undefined, arrives: string][] = [
    ['POST', undefined, posted],
    ['POST', '*/*', posted],
    ['POST', 'application/json, */*;q=0.1', posted],
    ['POST', 'application/*, text/*', posted],
    ['POST', 'application/json', 'application/json'],
    ['POST', 'text/event-stream,application/json', 'text/event-stream,application/json'],
    ['GET', undefined, 'text/event-stream'],
    ['GET', '*/*', 'text/event-stream'],
    ['GET', 'text/event-stream', 'text/event-stream'],
  ]
  for (const [method, accept, arrives] of cases) {
    const headers = accept === undefined ? typed : [...typed, ['Accept', accept] as const]
    const sent = method === 'GET' ? headers.filter(([name]) => name !== 'Content-Type') : headers
    t.equal((await send(sent, method === 'GET' ? '' : call(), { method })).status, 200, `${method} ${accept}`)
    t.same(valuesOf(upstream.arrivals.at(-1)!, 'accept'), [arrives], `${method} ${accept}`)
  }
})

t.test('a body that every server takes was too large by default', async t => {
  const { send } = await setUp(t)
  const bodyOf = (bytes: number): string => call().padEnd(bytes, ' ')
  t.equal((await send([...typed, both], bodyOf(4 * 1024 * 1024))).status, 200)
  const { text } = await send([...typed, both], bodyOf(4 * 1024 * 1024 + 1))
  t.match(JSON.parse(text), { id: 1, error: { code: 41301, message: /4194304 bytes, the maxBody/ } })
})

t.test('an unknown host or path was not named', async t => {
  const { gateway, send } = await setUp(t)
  const lost = await send([...typed, both], call(), { path: `/mcp${'/x'.repeat(300)}?key=${key}` })
  t.match(lost, { status: 404, text: /"\/mcp\/x/ })
  t.ok(lost.text.length < 300, 'it is cut')
  const response = await new Promise<Whole>((resolve, reject) => {
    const headers = { host: 'evil.example', authorization: `Bearer ${key}` }
    const sent = httpRequest(`${gateway.url}/main/mcp`, { method: 'POST', headers, setHost: false }, one => {
      let text = ''
      one.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      one.on('end', () => resolve({ status: one.statusCode ?? 0, headers: one.headers, text }))
    })
    sent.on('error', reject).end()
  })
  t.match(response, { status: 403, text: /"evil\.example".*listen\.allowedHosts/ })
  const line = await until(
    () => gateway.lines.find(({ reason }) => reason === 'host_refused'),
    'it is logged',
  )
  t.match(line, { detail: 'host_refused', host: 'evil.example', path: '/main/mcp' })
  const other = gateway.lines.find(({ reason }) => reason === 'path_unknown')!
  t.match(other, { detail: 'path_unknown', path: /^\/mcp\/x/ })
  t.equal(String(other['path']).length, 256)
  t.notMatch(gateway.logText(), key)
})

t.test('an unknown and a disabled key had the same line in the log', async t => {
  const { gateway, send } = await setUp(t)
  const cases: [credential: string, detail: string, principal: string | undefined][] = [
    ['Bearer nobody', 'key_unknown', undefined],
    [`Bearer ${key}-off`, 'key_disabled', 'off'],
    [`Bearer Bearer ${key}`, 'credential_scheme_twice', undefined],
    ['Bearer ${KEY}', 'credential_placeholder', undefined],
    ['Bearer undefined', 'credential_unset', undefined],
    ['Bearer', 'credential_missing', undefined],
  ]
  for (const [authorization, detail, principal] of cases) {
    const { status, text } = await send([['Authorization', authorization], ...typed.slice(1), both], call())
    t.equal(status, 401, authorization)
    const requestId = /requestId: (\w+)/.exec(text)![1]
    const line = await until(() => gateway.lines.find(one => one['requestId'] === requestId), 'it is logged')
    t.same([line['detail'], line['principal']], [detail, principal], authorization)
  }
  t.notMatch(gateway.logText(), key)
})

t.test('OPTIONS, HEAD and preflights of instrumented pages were refused', async t => {
  const { send } = await setUp(
    t,
    '  allowedOrigins: [https://app.example.com]\n  allowedHeaders: [X-Request-Id]',
  )
  const options = await send([], '', { method: 'OPTIONS' })
  t.match(options, { status: 204, headers: { allow: 'POST, GET, DELETE, OPTIONS' } })
  const head = await send([], '', { method: 'HEAD' })
  t.match(head, { status: 401, headers: { 'www-authenticate': /^Bearer realm="main"/ } })
  t.match(await send([known], '', { method: 'HEAD' }), { status: 405, headers: { allow: /POST/ } })
  const asked: [string, string][] = [
    ['Origin', 'https://app.example.com'],
    ['Access-Control-Request-Method', 'POST'],
    ['Access-Control-Request-Headers', 'traceparent,x-request-id'],
  ]
  const preflight = await send(asked, '', { method: 'OPTIONS' })
  const names = String(preflight.headers['access-control-allow-headers']).split(', ')
  for (const name of ['traceparent', 'tracestate', 'baggage', 'x-request-id'])
    t.ok(names.includes(name), name)
})
