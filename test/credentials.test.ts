import t from 'tap'
import { hashSecret } from '../gateway/auth/api-key/key.ts'
import { parseAnswer } from './fixtures/answer.ts'
import { startTestGateway } from './fixtures/gateway.ts'
import { createIssuerKey, signToken, startTestIssuer } from './fixtures/issuer.ts'
import { listOrStream, startTestUpstream } from './fixtures/upstream.ts'

const upstream = await startTestUpstream(listOrStream)
const issuerKey = await createIssuerKey('ES256', 'one')
const issuer = await startTestIssuer([issuerKey])
const publicUrl = 'https://mcp.example.com'
const gateway = await startTestGateway(`
listen:
  publicUrl: ${publicUrl}
auth:
  bearer: {type: api-key}
  raw: {type: api-key, scheme: ""}
  token: {type: api-key, scheme: Token}
  own: {type: api-key, name: X-Key, scheme: ""}
  own-bearer: {type: api-key, name: X-Key, scheme: Bearer}
  sso: {type: jwt, issuer: "${issuer.url}", grants: [{roles: [all]}]}
roles: {all: {access: {"*": {tools: {allow: ["*"]}}}}}
keys:
  agent: {roles: [all], secrets: [{hash: "${hashSecret('secret')}"}]}
  odd: {roles: [all], secrets: [{hash: "${hashSecret('two words')}"}]}
proxies:
  two: {auth: [bearer, raw], upstream: {url: "${upstream.url}"}}
  turned: {auth: [raw, bearer], upstream: {url: "${upstream.url}"}}
  three: {auth: [bearer, raw, token], upstream: {url: "${upstream.url}"}}
  own: {auth: [own, own-bearer], upstream: {url: "${upstream.url}"}}
  tokens: {auth: [sso, raw], upstream: {url: "${upstream.url}"}}
  all: {auth: [raw, token, sso, bearer], upstream: {url: "${upstream.url}"}}
`)
t.teardown(async () => {
  await gateway.close()
  await issuer.close()
  await upstream.close()
})

/** Lists the tools of a proxy. Returns the status, or the reason of a refusal. */
async function ask(proxy: string, headers: Record<string, string>): Promise<string> {
  const response = await fetch(`${gateway.url}/${proxy}/mcp`, {
    method: 'POST',
    body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
    headers: { 'content-type': 'application/json', ...headers },
  })
  const body = parseAnswer(await response.text()) as { error?: { data: { reason: string } } }
  return body.error?.data.reason ?? String(response.status)
}

t.test('two methods on one header, one with a scheme and one without, refused every call', async t => {
  for (const proxy of ['two', 'turned', 'three', 'all']) {
    t.equal(await ask(proxy, { authorization: 'Bearer secret' }), '200', proxy)
    t.equal(await ask(proxy, { authorization: 'bearer secret' }), '200', proxy)
    t.equal(await ask(proxy, { authorization: 'secret' }), '200', proxy)
    t.equal(await ask(proxy, { authorization: 'two words' }), '200', proxy)
    t.equal(await ask(proxy, { authorization: 'Bearer wrong' }), 'credential_invalid', proxy)
    t.equal(await ask(proxy, { authorization: 'wrong' }), 'credential_invalid', proxy)
  }
  t.equal(await ask('own', { 'x-key': 'secret' }), '200')
  t.equal(await ask('own', { 'x-key': 'Bearer secret' }), '200')
})

t.test('each method reads only its own form', async t => {
  t.equal(await ask('two', { authorization: 'Token secret' }), 'credential_invalid')
  t.equal(await ask('three', { authorization: 'Token secret' }), '200')
  t.equal(await ask('tokens', { authorization: 'secret' }), '200')
  t.equal(await ask('own', { authorization: 'Bearer secret' }), 'credential_missing')
  const exp = Math.floor(Date.now() / 1000) + 300
  for (const proxy of ['tokens', 'all']) {
    const claims = { iss: issuer.url, aud: `${publicUrl}/${proxy}/mcp`, sub: 'ann', exp }
    const token = await signToken(issuerKey, claims)
    t.equal(await ask(proxy, { authorization: `Bearer ${token}` }), '200', proxy)
    t.equal(await ask(proxy, { authorization: token }), 'credential_invalid', 'a token needs its scheme')
  }
})
