import { createHash, X509Certificate } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createAuthority } from './fixtures/certificates.ts'
import { startTestGateway } from './fixtures/gateway.ts'
import { createIssuerKey, signToken, startTestIssuer } from './fixtures/issuer.ts'
import { call } from './fixtures/secure.ts'
import { json, messageOf, startTestUpstream } from './fixtures/upstream.ts'

const folder = t.testdir()
const put = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}

t.test('a token that is bound to a certificate is refused on another connection', async t => {
  const [servers, clients] = await Promise.all([
    createAuthority(folder, 'servers'),
    createAuthority(folder, 'clients'),
  ])
  const server = await servers.issue({ subject: '/CN=gateway', san: ['IP:127.0.0.1'], usage: 'serverAuth' })
  const owner = await clients.issue({ san: ['DNS:owner'], usage: 'clientAuth' })
  const thief = await clients.issue({ san: ['DNS:thief'], usage: 'clientAuth' })
  const issuerKey = await createIssuerKey('ES256', 'one')
  const issuer = await startTestIssuer([issuerKey])
  const upstream = await startTestUpstream((arrival, response) =>
    json(response, { jsonrpc: '2.0', id: messageOf(arrival).id, result: {} }),
  )
  const gateway = await startTestGateway(
    `
listen:
  publicUrl: https://mcp.example.com
  tls: {cert: {file: "${put('cert', server.cert)}"}, key: {file: "${put('key', server.key)}"}, clientCa: {file: "${put('ca', clients.cert)}"}}
auth: {sso: {type: jwt, issuer: "${issuer.url}", introspection: {clientId: gatehouse, clientSecret: {env: SECRET}}, grants: [{roles: [all]}]}}
roles: {all: {access: {main: {tools: {allow: ["*"]}}}}}
proxies: {main: {auth: [sso], upstream: {url: "${upstream.url}"}}}
`,
    { env: { SECRET: 'x' } },
  )
  t.teardown(async () => {
    await gateway.close()
    await issuer.close()
    await upstream.close()
  })
  const url = `${gateway.url}/main/mcp`
  const thumbprint = createHash('sha256').update(new X509Certificate(owner.cert).raw).digest('base64url')
  const token = (cnf?: unknown): Promise<string> =>
    signToken(issuerKey, {
      iss: issuer.url,
      aud: 'https://mcp.example.com/main/mcp',
      sub: 'ann',
      exp: Math.floor(Date.now() / 1000) + 600,
      ...(cnf !== undefined && { cnf }),
    })
  const status = async (text: string, as?: typeof owner): Promise<string> => {
    const { status, reason } = await call(url, {
      ca: servers.cert,
      as,
      headers: { authorization: `Bearer ${text}` },
    })
    return `${status} ${reason ?? ''}`.trim()
  }
  const bound = await token({ 'x5t#S256': thumbprint })
  t.equal(await status(bound), '401 credential_invalid', 'without a certificate')
  t.equal(await status(bound, owner), '200', 'with the right one')
  t.equal(
    await status(bound, thief),
    '401 credential_invalid',
    'with another one, although the token is cached',
  )
  t.equal(await status(bound), '401 credential_invalid', 'without one, although the token is cached')
  t.equal(await status(await token()), '200', 'a token without a binding needs none')
  issuer.answers = () => ({
    active: true,
    aud: 'https://mcp.example.com/main/mcp',
    sub: 'ann',
    cnf: { 'x5t#S256': thumbprint },
  })
  const opaque = 'an-opaque-token-of-the-owner'
  t.equal(await status(opaque, thief), '401 credential_invalid', 'so is an opaque token')
  t.equal(await status(opaque), '401 credential_invalid')
  t.equal(await status(opaque, owner), '200')
  t.equal(issuer.questions.length, 1)
  for (const cnf of [
    {},
    null,
    'x',
    [],
    { jkt: 'x' },
    { 'x5t#S256': 1 },
    { 'x5t#S256': thumbprint, jkt: 'x' },
  ]) {
    t.equal(await status(await token(cnf), owner), '401 credential_invalid', JSON.stringify(cnf))
  }
})
