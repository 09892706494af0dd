import { connect } from 'node:net'
import t from 'tap'
import { startTestGateway } from './fixtures/gateway.ts'
import { until } from './fixtures/until.ts'

const gateway = await startTestGateway(
  'proxies: {a: {auth: none, upstream: {url: "http://127.0.0.1:9/mcp"}}}\n',
)
t.teardown(gateway.close)
const port = Number(new URL(gateway.adminUrl).port)

async function exchange(bytes: string, timeoutMs?: number): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  let text = ''
  let ended = false
  socket.setEncoding('utf8')
  socket.on('data', (more: string) => (text += more)).on('error', () => {})
  socket.on('end', () => (ended = true)).on('close', () => (ended = true))
  socket.write(bytes)
  await until(() => ended || text.endsWith('\n'), 'it is answered', timeoutMs)
  socket.destroy()
  return text
}

for (const [name, headers, status] of [
  ['a name of this machine', 'Host: localhost', 200],
  ['the address that it arrived at', `Host: 127.0.0.1:${port}`, 200],
  ['a rebound name', `Host: evil.example.com:${port}`, 403],
  ['no Host', 'X-A: b', 400],
  ['two Hosts', 'Host: localhost\r\nHost: evil.example.com', 403],
  ['the Origin of another site', 'Host: localhost\r\nOrigin: https://evil.example.com', 403],
  ['an opaque Origin', 'Host: localhost\r\nOrigin: null', 403],
  ['its own Origin', `Host: localhost:${port}\r\nOrigin: http://localhost:${port}`, 200],
  ['an image of another site', 'Host: localhost\r\nSec-Fetch-Site: cross-site', 403],
  ['an image of a sibling', 'Host: localhost\r\nSec-Fetch-Site: same-site', 403],
  ['an address that was typed', 'Host: localhost\r\nSec-Fetch-Site: none', 200],
] as const) {
  t.test(`the admin listener answers a request with ${name} with ${status}`, async t => {
    for (const path of ['/livez', '/readyz', '/status', '/metrics']) {
      const answer = await exchange(`GET ${path} HTTP/1.1\r\n${headers}\r\n\r\n`)
      t.equal(Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]), status)
      if (status !== 200) t.notMatch(answer, gateway.configPath)
    }
  })
}

t.test('the admin listener accepts a name that the file allows', async t => {
  const named = await startTestGateway(
    'proxies: {a: {auth: none, upstream: {url: "http://127.0.0.1:9/mcp"}}}\n',
    {
      admin: 'allowedHosts: [ops.example.com]',
    },
  )
  t.teardown(named.close)
  const adminPort = Number(new URL(named.adminUrl).port)
  const ask = async (host: string): Promise<number> => {
    const { request } = await import('node:http')
    return new Promise((resolve, reject) => {
      request({ port: adminPort, path: '/livez', headers: { host } }, response => {
        response.resume()
        resolve(response.statusCode!)
      })
        .on('error', reject)
        .end()
    })
  }
  t.equal(await ask('ops.example.com'), 200)
  t.equal(await ask('other.example.com'), 403)
})

for (const [name, bytes] of [
  ['nothing', ''],
  ['half a head', 'GET /livez HTTP/1.1\r\nHost: lo'],
  ['half a body', 'GET /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\na'],
] as const) {
  t.test(`the admin listener does not wait for ever for the rest of a client that sends ${name}`, async t => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    let ended = false
    socket
      .resume()
      .on('end', () => (ended = true))
      .on('error', () => (ended = true))
    t.teardown(() => socket.destroy())
    socket.write(bytes)
    await until(() => ended, 'the connection ends', 20_000)
    t.pass()
  })
}
