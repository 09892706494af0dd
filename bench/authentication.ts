import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { Pool } from 'undici'
import { hashSecret, newSecret } from '../gateway/access/key.ts'

/**
 * What authentication costs: CPU of the gateway per call with an API key and with a token that was verified before,
 * in one run, in turns. CPU time is read from /proc, so this needs Linux; it counts in ticks of 10 ms.
 */
const rounds = 7
const calls = 6000
const connections = 16
const tick = 10

const folder = mkdtempSync(join(tmpdir(), 'gatehouse-bench-'))
const { publicKey, privateKey } = await generateKeyPair('ES256')
const jwks = join(folder, 'jwks.json')
writeFileSync(jwks, JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256' }] }))
const answer = '{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"hello"}]}}'
const upstream = createServer((request, response) => {
  request.resume().on('end', () => {
    response
      .writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length })
      .end(answer)
  })
}).listen(0, '127.0.0.1')
await once(upstream, 'listening')
const secret = newSecret()
writeFileSync(
  join(folder, 'gateway.yaml'),
  `version: 1
listen: {address: "127.0.0.1:0", publicUrl: "https://mcp.example.com"}
admin: {address: "127.0.0.1:0"}
auth:
  keys: {type: api-key}
  sso: {type: jwt, issuer: "https://idp.example.com", jwks: {file: jwks.json}, grants: [{roles: [all]}]}
roles: {all: {access: {"*": {tools: {allow: ["get_*"]}}}}}
keys: {bench: {roles: [all], secrets: [{hash: "${hashSecret(secret)}"}]}}
proxies:
  key: {auth: [keys], upstream: {url: "http://127.0.0.1:${(upstream.address() as AddressInfo).port}/mcp"}}
  token: {auth: [sso], upstream: {url: "http://127.0.0.1:${(upstream.address() as AddressInfo).port}/mcp"}}
`,
)
const gateway = spawn(
  process.execPath,
  ['gateway/main.ts', 'run', '--no-watch', '-c', join(folder, 'gateway.yaml')],
  {
    stdio: ['ignore', 'ignore', 'pipe'],
  },
)
const url = await new Promise<string>((resolve, reject) => {
  gateway.once('exit', code => reject(new Error(`the gateway ended with ${code}`)))
  gateway.stderr.setEncoding('utf8').on('data', (text: string) => {
    const found = /"event":"listening","url":"([^"]+)"/.exec(text)?.[1]
    if (found !== undefined) resolve(found)
  })
})
const token = await new SignJWT({ scope: 'mcp:read' })
  .setProtectedHeader({ alg: 'ES256', kid: 'one', typ: 'at+jwt' })
  .setIssuer('https://idp.example.com')
  .setAudience('https://mcp.example.com/token/mcp')
  .setSubject('bench')
  .setExpirationTime('1h')
  .sign(privateKey)

const pool = new Pool(url, { connections, pipelining: 1 })
const body =
  '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_a","arguments":{"city":"Ulm"}}}'

/** CPU of the gateway so far, in milliseconds. */
function cpu(): number {
  const fields = readFileSync(`/proc/${gateway.pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) * tick
}

/** Microseconds of CPU per call. */
async function measure(proxy: string, credential: string): Promise<number> {
  const headers = { authorization: `Bearer ${credential}`, 'content-type': 'application/json' }
  const before = cpu()
  let left = calls
  const worker = async (): Promise<void> => {
    while (left-- > 0) {
      const { statusCode, body: text } = await pool.request({
        path: `/${proxy}/mcp`,
        method: 'POST',
        headers,
        body,
      })
      await text.dump()
      if (statusCode !== 200) throw new Error(`status ${statusCode}`)
    }
  }
  await Promise.all(Array.from({ length: connections }, worker))
  return ((cpu() - before) / calls) * 1000
}

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
const shown = (values: number[]): string =>
  `${median(values).toFixed(1)} (${Math.min(...values).toFixed(1)}–${Math.max(...values).toFixed(1)})`

await measure('key', secret)
await measure('token', token)
const [keys, tokens]: [number[], number[]] = [[], []]
for (let round = 0; round < rounds; round++) {
  keys.push(await measure('key', secret))
  tokens.push(await measure('token', token))
}
const ratios = keys.map((value, round) => tokens[round]! / value)
process.stdout
  .write(`CPU of the gateway per call in microseconds, median (min–max) of ${rounds} rounds of ${calls} calls
API key          ${shown(keys)}
verified token   ${shown(tokens)}
ratio            ${median(ratios).toFixed(3)} (${Math.min(...ratios).toFixed(3)}–${Math.max(...ratios).toFixed(3)})
`)
await pool.close()
gateway.kill('SIGTERM')
upstream.close()
rmSync(folder, { recursive: true })
