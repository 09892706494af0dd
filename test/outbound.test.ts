import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { lookup } from 'node:dns'
import t, { type Test } from 'tap'
import { until } from './fixtures/until.ts'
import { createOutbound, OutboundRefused, publicLookup, type Outbound } from '../gateway/oauth/outbound.ts'

/** Makes a resolver that gives each answer once, and records the questions. */
function resolver(...answers: string[][]): { resolve: typeof lookup; asked: string[] } {
  const asked: string[] = []
  const resolve = (name: string, _options: unknown, callback: (...result: unknown[]) => void): void => {
    asked.push(name)
    const addresses = answers.shift() ?? []
    setImmediate(
      callback,
      null,
      addresses.map(address => ({ address, family: address.includes(':') ? 6 : 4 })),
    )
  }
  return { resolve: resolve as unknown as typeof lookup, asked }
}

async function startServer(
  t: Test,
  answer: RequestListener,
): Promise<{ url: string; requests: IncomingMessage[]; server: Server }> {
  const requests: IncomingMessage[] = []
  const server = createServer((request, response) => {
    requests.push(request)
    answer(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, requests, server }
}

function reaching(
  t: Test,
  named: string[] = [],
  options: Parameters<typeof createOutbound>[1] = {},
): Outbound {
  const outbound = createOutbound(new Set(named), options)
  t.teardown(() => outbound.close())
  return outbound.fetch
}

t.test('internal addresses are refused, however they are written', async t => {
  const { resolve, asked } = resolver()
  const fetch = reaching(t, ['idp.example.com'], { resolve })
  for (const host of [
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f000001',
    '0177.0.0.1',
    '0x7f.1',
    '127.0.0.1.',
    '①②⑦.0.0.1',
    '0.0.0.0',
    '0',
    '10.0.0.1',
    '100.64.0.1',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '198.18.0.1',
    '168.63.129.16',
    '100.100.100.200',
    '192.0.0.192',
    '0xa83f8110',
    '2822734096',
    '168.63.33040',
    '[::ffff:168.63.129.16]',
    '[64:ff9b::a83f:8110]',
    '[2002:a83f:8110::]',
    '[fd20:ce::254]',
    '192.0.2.1',
    '198.51.100.1',
    '203.0.113.1',
    '[2001:db8::1]',
    '224.0.0.1',
    '255.255.255.255',
    '[::]',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:0:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::ffff:169.254.169.254]',
    '[::127.0.0.1]',
    '[64:ff9b::7f00:1]',
    '[64:ff9b:1::7f00:1]',
    '[2002:7f00:1::]',
    '[2001:0:1::1]',
    '[fd00:ec2::254]',
    '[fe80::1]',
    '[fec0::1]',
    '[ff02::1]',
  ]) {
    await t.rejects(fetch(`https://${host}/`), OutboundRefused, host)
  }
  t.strictSame(asked, [])
})

t.test('names that resolve to internal addresses are refused', async t => {
  for (const addresses of [
    ['127.0.0.1'],
    ['::1'],
    ['::ffff:10.0.0.1'],
    ['169.254.169.254'],
    ['168.63.129.16'],
    ['::ffff:168.63.129.16'],
    ['192.0.43.10', '10.0.0.1'],
    [],
  ]) {
    const { resolve, asked } = resolver(addresses)
    const fetch = reaching(t, [], { resolve })
    await t.rejects(fetch('https://keys.example.com/'), { code: 'address_internal' }, addresses.join())
    t.strictSame(asked, ['keys.example.com'])
  }
})

t.test('localhost is not named by default', async t => {
  const { url, requests } = await startServer(t, (_request, response) => response.end('{}'))
  const fetch = reaching(t)
  const { port } = new URL(url)
  await t.rejects(fetch(`https://localhost:${port}/`), { code: 'address_internal' })
  await t.rejects(fetch(`https://localhost.:${port}/`))
  t.equal(requests.length, 0)
})

t.test('the address that is dialled is the one that was checked', async t => {
  const { resolve, asked } = resolver(['192.0.43.10'], ['127.0.0.1'])
  const look = publicLookup(resolve)
  const dialled = (all: boolean): Promise<unknown[]> =>
    new Promise(done => look('keys.example.com', { all }, (...result) => done(result)))
  t.strictSame(await dialled(true), [null, [{ address: '192.0.43.10', family: 4 }]])
  t.match(await dialled(true), [{ code: 'address_internal' }], 'a name that changes its mind is asked again')
  t.equal(asked.length, 2, 'one look-up for one connection')
  const single = resolver(['192.0.43.10'])
  const one = publicLookup(single.resolve)
  const result = await new Promise(done => one('a', { all: false }, (...words) => done(words)))
  t.strictSame(result, [null, '192.0.43.10', 4])
})

t.test('hosts that are not named need https', async t => {
  const { resolve, asked } = resolver(['192.0.43.10'])
  const fetch = reaching(t, ['idp.example.com'], { resolve })
  for (const url of [
    'http://keys.example.com/',
    'http://192.0.43.10/',
    'ftp://idp.example.org/',
    'file:///etc/passwd',
  ])
    await t.rejects(fetch(url), { code: 'host_not_named' }, url)
  t.strictSame(asked, [])
})

t.test('a named host is dialled as it is', async t => {
  const { url, requests } = await startServer(t, (_request, response) => response.end('{"a":1}'))
  const fetch = reaching(t, ['127.0.0.1'])
  t.strictSame(await fetch(url), { status: 200, text: '{"a":1}' })
  await fetch(url, { method: 'POST', headers: { 'x-a': 'b' }, body: 'c' })
  t.match(requests, [
    { method: 'GET', headers: { accept: 'application/json' } },
    { method: 'POST', headers: { 'x-a': 'b', 'content-length': '1' } },
  ])
})

t.test('redirects are not followed', async t => {
  const { url, requests } = await startServer(t, (_request, response) => {
    response.writeHead(302, { location: '/secret' }).end()
  })
  t.match(await reaching(t, ['127.0.0.1'])(url), { status: 302 })
  t.equal(requests.length, 1)
})

t.test('an endless response is cut off', async t => {
  let cut = false
  const { url } = await startServer(t, (_request, response) => {
    const more = (): void => {
      while (!response.destroyed && response.write('x'.repeat(65_536)));
    }
    response.on('drain', more).on('close', () => void (cut = true))
    more()
  })
  await t.rejects(reaching(t, ['127.0.0.1'])(url), { code: 'answer_too_large' })
  await until(() => cut, 'the connection was cut')
})

t.test('a response that trickles in is aborted at the timeout for the whole exchange', async t => {
  const timers: NodeJS.Timeout[] = []
  t.teardown(() => timers.forEach(clearInterval))
  const { url } = await startServer(t, (_request, response) => {
    timers.push(setInterval(() => response.write('x'), 5))
  })
  await t.rejects(reaching(t, ['127.0.0.1'], { timeout: 100 })(url), { name: 'TimeoutError' })
})
