import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:https'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { upstreamDetails } from '../gateway/mcp/upstream-details.ts'
import { createAuthority } from './fixtures/certificates.ts'
import { startTestGateway, type TestGateway } from './fixtures/gateway.ts'
import { json, sse, event, startTestUpstream, type Answer } from './fixtures/upstream.ts'

interface Answered {
  readonly status: number
  readonly headers: Headers
  readonly body: { result?: unknown; error?: { message: string; data: { reason: string } } }
}

/** Calls a tool on a proxy. */
async function call(gateway: TestGateway, proxy = 'main', name = 'a'): Promise<Answered> {
  const response = await fetch(`${gateway.url}/${proxy}/mcp`, {
    method: 'POST',
    headers: { accept: 'application/json, text/event-stream', 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name } }),
  })
  const text = await response.text()
  const body = JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? text) as Answered['body']
  return { status: response.status, headers: response.headers, body }
}

async function setUp(t: Test, answer: Answer): Promise<TestGateway> {
  const upstream = await startTestUpstream(answer)
  const gateway = await startTestGateway(
    `proxies: {main: {auth: none, upstream: {url: "${upstream.url}"}}}\n`,
  )
  t.teardown(async () => {
    await upstream.close()
    await gateway.close()
  })
  return gateway
}

t.test('a Content-Encoding that is not a coding does not make a response compressed', async t => {
  const gateway = await setUp(t, (arrival, response) => {
    const coding = (JSON.parse(arrival.body) as { params: { name: string } }).params.name.replace('empty', '')
    const message = { jsonrpc: '2.0', id: 1, result: {} }
    if (!coding.startsWith('sse ')) return json(response, message, 200, { 'content-encoding': coding })
    sse(response, { 'content-encoding': coding.slice(4) })
    response.end(event(message))
    return undefined
  })
  for (const coding of [
    'none',
    'empty',
    'utf-8',
    'UTF-8',
    'identity',
    'Identity',
    'identity, none',
    'sse none',
  ]) {
    const { status, headers, body } = await call(gateway, 'main', coding)
    t.same([status, body.result], [200, {}], `"${coding}"`)
    t.equal(headers.get('content-encoding'), null, 'and is not passed on')
  }
  for (const coding of ['gzip', 'identity, br', 'x']) {
    const { body } = await call(gateway, 'main', coding)
    t.equal(body.error?.data.reason, 'upstream_invalid', coding)
  }
})

t.test('response headers of 20 KB are too large, and not invalid HTTP', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-headers-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const authority = await createAuthority(folder, 'upstream')
  const issued = await authority.issue({ subject: '/CN=127.0.0.1', san: ['IP:127.0.0.1'] })
  const large: Answer = (_, response) => json(response, {}, 200, { 'x-large': 'x'.repeat(20_000) })
  const plain = await startTestUpstream(large)
  const secure = createServer({ cert: issued.cert, key: issued.key, maxHeaderSize: 65_536 }, (_, response) =>
    large(undefined as never, response),
  )
  secure.listen(0, '127.0.0.1')
  await once(secure, 'listening')
  const { port } = secure.address() as AddressInfo
  const gateway = await startTestGateway(
    `
proxies:
  plain: {auth: none, upstream: {url: "${plain.url}"}}
  secure: {auth: none, upstream: {url: "https://127.0.0.1:${port}/mcp", tls: {ca: {file: ca.pem}}}}
`,
    { files: { 'ca.pem': authority.cert } },
  )
  t.teardown(async () => {
    secure.closeAllConnections()
    secure.close()
    await plain.close()
    await gateway.close()
  })
  for (const proxy of ['plain', 'secure']) {
    const { error } = (await call(gateway, proxy)).body
    t.equal(error?.data.reason, 'upstream_invalid', proxy)
    t.match(error?.message, '16 KiB', proxy)
  }
})

t.test('every failure of an upstream is explained in its page', async t => {
  const page = readFileSync(new URL('../docs/upstream.md', import.meta.url), 'utf8')
  const [, table = ''] = page.split('## When an upstream fails')
  const rows = table
    .split('\n## ', 1)[0]!
    .split('\n')
    .filter(line => line.startsWith('| `'))
  const explained = rows.flatMap(row => row.split('|')[1]!.match(/[a-z_]+/g) ?? [])
  t.same(explained.toSorted(), Object.keys(upstreamDetails).toSorted())
})
