import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { exportJWK } from 'jose'
import t from 'tap'
import { parseAnswer } from './fixtures/answer.ts'
import { hashSecret } from '../gateway/auth/api-key/key.ts'
import { checkClaims } from '../gateway/auth/token/token.ts'
import { Refusal } from '../gateway/mcp/errors.ts'
import { startTestGateway } from './fixtures/gateway.ts'
import { createIssuerKey, forgeToken, signToken, startTestIssuer, type IssuerKey } from './fixtures/issuer.ts'
import { listOrStream, startTestUpstream } from './fixtures/upstream.ts'

const upstream = await startTestUpstream(listOrStream)
t.teardown(upstream.close)

const rsa = await createIssuerKey('RS256', 'rsa-1')
const ec = await createIssuerKey('ES256', 'ec-1')
const ed = await createIssuerKey('EdDSA', 'ed-1')
const foreign = await createIssuerKey('ES256', 'ec-1')
const issuer = await startTestIssuer([rsa, ec, ed])
t.teardown(issuer.close)
const partner = await startTestIssuer([foreign], '/tenants/one')
partner.metadataPath = '/.well-known/oauth-authorization-server/tenants/one'
t.teardown(partner.close)

const secret = 'canary-of-an-api-key-0123456789abcdef'
const publicUrl = 'https://mcp.example.com'
const seconds = (): number => Math.floor(Date.now() / 1000)

/** Returns claims that the proxy `main` accepts, with overrides; `undefined` removes a claim. */
const claims = (more: Record<string, unknown> = {}): Record<string, unknown> => ({
  iss: issuer.url,
  aud: `${publicUrl}/main/mcp`,
  sub: 'ann',
  exp: seconds() + 300,
  ...more,
})
const token = (more: Record<string, unknown> = {}, key: IssuerKey = ec): Promise<string> =>
  signToken(key, claims(more))

const config = (grants = '[{roles: [all]}]', more = ''): string => `
listen:
  publicUrl: ${publicUrl}
auth:
  keys: {type: api-key}
  sso: {type: jwt, issuer: "${issuer.url}", clockSkew: 5s, grants: ${grants}}
  partners: {type: jwt, issuer: "${partner.url}", grants: [{roles: [reader]}]}
roles:
  all: {access: {"*": {tools: {allow: ["*"]}}}}
  reader: {access: {"*": {tools: {allow: ["get_*"]}}}}
  writer: {access: {"*": {tools: {allow: ["set_*"]}}}}
  runner: {access: {"*": {tools: {allow: ["run_*"]}}}}
keys:
  ann: {roles: [all], secrets: [{hash: "${hashSecret(secret)}"}]}
proxies:
  main: {auth: [keys, sso, partners], upstream: {url: "${upstream.url}"}}
  other: {auth: [sso], upstream: {url: "${upstream.url}"}}
  keyed: {auth: [keys], upstream: {url: "${upstream.url}"}}
${more}`

interface Answer {
  readonly status: number
  readonly reason: string | undefined
  readonly code: number | undefined
  readonly challenge: string
  readonly tools: string[]
  readonly headers: Headers
  readonly text: string
}

async function ask(url: string, headers: Record<string, string>): Promise<Answer> {
  const response = await fetch(url, {
    method: 'POST',
    body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
    headers: { 'content-type': 'application/json', ...headers },
  })
  const text = await response.text()
  const body = parseAnswer(text) as {
    result?: { tools: { name: string }[] }
    error?: { code: number; data: { reason: string } }
  }
  return {
    status: response.status,
    reason: body.error?.data.reason,
    code: body.error?.code,
    challenge: response.headers.get('www-authenticate') ?? '',
    tools: body.result?.tools.map(({ name }) => name) ?? [],
    headers: response.headers,
    text,
  }
}

const bearer = (text: string): Record<string, string> => ({ authorization: `Bearer ${text}` })
const everything = ['get_a', 'set_a', 'run_a']

const gateway = await startTestGateway(config(), { watch: false })
t.teardown(gateway.close)
const main = `${gateway.url}/main/mcp`

t.test('tokens signed with every kind of key are accepted, and never reach the upstream', async t => {
  for (const key of [rsa, ec, ed]) {
    const text = await token({}, key)
    const before = upstream.arrivals.length
    for (let round = 0; round < 2; round++) {
      const answer = await ask(main, bearer(text))
      t.strictSame([answer.status, answer.tools], [200, everything], key.alg)
    }
    const arrived = JSON.stringify(upstream.arrivals.slice(before))
    t.equal(upstream.arrivals.length, before + 2)
    t.notMatch(arrived, text)
    t.notMatch(arrived, text.split('.')[2]!, 'nor its signature')
    t.notOk(gateway.logText().includes(text), 'nor is it in the log')
  }
  const line = gateway.lines.findLast(one => one['event'] === 'request')
  t.match(line, { principal: `${issuer.url}#ann`, auth: 'sso', decision: 'allow' })
})

t.test('the credential selects the auth method', async t => {
  t.strictSame((await ask(main, bearer(secret))).tools, everything, 'a key is a key')
  const other = await token({ iss: partner.url, sub: 'ben' }, foreign)
  t.strictSame((await ask(main, bearer(other))).tools, ['get_a'], 'the issuer tells the method')
  t.equal((await ask(`${gateway.url}/other/mcp`, bearer(other))).reason, 'credential_invalid')
  t.equal((await ask(`${gateway.url}/keyed/mcp`, bearer(other))).reason, 'credential_invalid')
  t.equal((await ask(`${gateway.url}/other/mcp`, bearer(secret))).reason, 'credential_invalid')
})

t.test('clocks may differ by the skew, and no more', async t => {
  const accepted: Record<string, Record<string, unknown>> = {
    'expired within the skew': { exp: seconds() - 2 },
    'valid in a moment': { nbf: seconds() + 3 },
    'a fraction of a second': { exp: seconds() + 100.5 },
    'an audience among others': { aud: ['x', `${publicUrl}/main/mcp`] },
    'a client that speaks for itself': { sub: undefined, client_id: 'robot' },
    'the party it was issued to': { sub: undefined, azp: 'robot' },
  }
  for (const [name, more] of Object.entries(accepted)) {
    t.equal((await ask(main, bearer(await token(more)))).status, 200, name)
  }
  for (const typ of ['JWT', 'jwt', 'at+jwt', 'AT+JWT', 'application/at+jwt', 'Application/JWT', undefined]) {
    const text = forgeToken(ec.privateKey, { alg: 'ES256', kid: 'ec-1', typ }, claims())
    t.equal((await ask(main, bearer(text))).status, 200, `typ ${typ}`)
  }
  const nameless = forgeToken(ec.privateKey, { alg: 'ES256' }, claims())
  t.equal(
    (await ask(main, bearer(nameless))).status,
    200,
    'a key that is not named, and is the only one that matches',
  )
})

t.test('tokens that cannot be trusted are refused (more in refusals.test.ts)', async t => {
  const { privateKey: weakKey } = generateKeyPairSync('rsa', { modulusLength: 1024 })
  const weakJwk = { ...(await exportJWK(createPublicKey(weakKey))), kid: 'weak', alg: 'RS256', use: 'sig' }
  const es = { alg: 'ES256', kid: 'ec-1' }
  const good = await token()
  const [head, body, signature] = good.split('.') as [string, string, string]
  const pem = createPublicKey(rsa.privateKey).export({ type: 'spki', format: 'pem' })
  const forged = (header: Record<string, unknown>, more: Record<string, unknown> = {}): string =>
    forgeToken(ec.privateKey, { ...es, ...header }, claims(more))
  const attacker = foreign.publicJwk
  const byAttacker = (header: Record<string, unknown>): string =>
    forgeToken(foreign.privateKey, { ...es, ...header }, claims())
  const tokens: Record<string, string> = {
    'alg none without a signature': forgeToken(undefined, { alg: 'none' }, claims()),
    'alg none with a signature': `${forgeToken(undefined, { alg: 'none' }, claims())}${signature}`,
    'alg None in another case': forgeToken(undefined, { alg: 'None' }, claims()),
    'HS256 with the public key in PEM as the secret': forgeToken(
      Buffer.from(pem),
      { alg: 'HS256', kid: 'rsa-1' },
      claims(),
    ),
    'HS256 with the JWK as the secret': forgeToken(
      Buffer.from(JSON.stringify(rsa.publicJwk)),
      { alg: 'HS256', kid: 'rsa-1' },
      claims(),
    ),
    'HS256 with an empty secret': forgeToken(Buffer.alloc(0), { alg: 'HS256', kid: 'rsa-1' }, claims()),
    'an algorithm that does not belong to the key': forgeToken(
      rsa.privateKey,
      { alg: 'RS256', kid: 'ec-1' },
      claims(),
    ),
    'an algorithm in lower case': forged({ alg: 'es256' }),
    'an algorithm that is a number': forged({ alg: 256 }),
    'an algorithm that nobody knows': forged({ alg: 'ES257' }),
    'an algorithm that was not registered for this': forged({ alg: 'ES256K' }),
    'a key under 2048 bits': forgeToken(weakKey, { alg: 'RS256', kid: 'weak' }, claims()),
    'a kid that is a command': forged({ kid: 'ec-1|/bin/sh' }),
    'an empty kid': forged({ kid: '' }),
    'an embedded jwk with an unknown kid': byAttacker({ kid: 'mine', jwk: attacker }),
    'the key of another issuer under the same kid': byAttacker({}),
    'the issuer of the key, and another one named': await token({ iss: partner.url }),
    'an issuer in a list': await token({ iss: [issuer.url] }),
    'another audience': await token({ aud: 'https://evil.example.com/main/mcp' }),
    'the audience with two slashes more': await token({ aud: `${publicUrl}/main/mcp//` }),
    'an empty list of audiences': await token({ aud: [] }),
    'an audience that is a map': await token({ aud: { url: `${publicUrl}/main/mcp` } }),
    'an exp beyond every number': forgeToken(
      ec.privateKey,
      es,
      JSON.stringify(claims()).replace(/"exp":\d+/, '"exp":1e999'),
    ),
    'a logout token': forged({ typ: 'logout+jwt' }),
    'a client assertion': forged({ typ: 'application/client-authentication+jwt' }),
    'an empty typ': forged({ typ: '' }),
    'an ID token with c_hash': await token({ c_hash: 'x' }),
    'an empty crit': forged({ crit: [] }),
    'base64 with spare bits': `${head}.${body}.${signature.slice(0, -1)}${String.fromCodePoint(signature.codePointAt(85)! + 1)}`,
    'base64 of no alphabet': `${head}.${body}!.${signature}`,
    'a part too many': `${good}.e30`,
    'a part too few': `${head}.${body}`,
    'a header that is no JSON': `bm9wZQ.${body}.${signature}`,
    'claims that are not UTF-8': `${head}.${Buffer.from([0x7b, 0xff, 0x7d]).toString('base64url')}.${signature}`,
    'a member of the header twice': forgeToken(
      ec.privateKey,
      '{"alg":"none","alg":"ES256","kid":"ec-1"}',
      claims(),
    ),
    'an escaped claim twice': forgeToken(
      ec.privateKey,
      es,
      JSON.stringify(claims()).replace('{', '{"\\u0073ub":"root",'),
    ),
    'an empty subject': await token({ sub: '' }),
    'a subject that is a number': forged({}, { sub: 7 }),
    'Bearer twice': `Bearer ${good}`,
    'a token in quotes': `"${good}"`,
  }
  issuer.keys = [...issuer.keys, weakJwk]
  const reload = await startTestGateway(config(), { watch: false })
  t.teardown(reload.close)
  t.equal(
    (await ask(`${reload.url}/main/mcp`, bearer(good))).status,
    200,
    'the valid token from which the others are made',
  )
  const arrivals = upstream.arrivals.length
  for (const [name, text] of Object.entries(tokens)) {
    const { status, reason, code, challenge, text: body } = await ask(`${reload.url}/main/mcp`, bearer(text))
    t.strictSame([status, reason, code], [401, 'credential_invalid', 40102], name)
    t.match(
      challenge,
      /^Bearer realm="main", error="invalid_token", error_description="[a-zA-Z0-9 ,;.']+"$/,
      name,
    )
    t.notOk(body.includes('ann') || challenge.includes('evil'), `${name}: nothing of the token is echoed`)
  }
  const elsewhere: Record<string, [string, Record<string, string>]> = {
    'in a cookie': ['', { cookie: `access_token=${good}` }],
    'in another header': ['', { 'x-access-token': good }],
    'without its scheme': ['', { authorization: good }],
  }
  for (const [name, [query, headers]] of Object.entries(elsewhere)) {
    const { status, reason, challenge } = await ask(`${reload.url}/main/mcp${query}`, headers)
    t.strictSame([status, reason, challenge], [401, 'credential_missing', 'Bearer realm="main"'], name)
  }
  t.equal(upstream.arrivals.length, arrivals, 'none of them was forwarded')
})

t.test('only listed algorithms are accepted', async t => {
  const yaml = config().replace('clockSkew: 5s', 'algorithms: [RS256, EdDSA]')
  const gateway = await startTestGateway(yaml, { watch: false })
  t.teardown(gateway.close)
  const url = `${gateway.url}/main/mcp`
  t.equal((await ask(url, bearer(await token({}, rsa)))).status, 200)
  t.equal((await ask(url, bearer(await token({}, ec)))).reason, 'credential_invalid')
})

t.test('a client cannot pass for a user by its name', async t => {
  const rules = { issuer: 'https://i', algorithms: new Set(), audiences: new Set(['a']), clockSkew: 0 }
  const subject = (claims: object): string =>
    checkClaims({ text: '', header: {}, claims: { aud: 'a', exp: 2000, ...claims } }, rules, 0).subject
  t.equal(subject({ sub: 'ann' }), '#ann')
  t.equal(subject({ client_id: 'ann' }), '?client=ann')
  t.not(subject({ client_id: '#ann' }), subject({ sub: 'ann' }))
  for (const claims of [
    { sub: null, client_id: 'ann' },
    { sub: 1, client_id: 'ann' },
    { sub: 'x'.repeat(256) },
    {},
  ]) {
    t.throws(() => subject(claims), Refusal, JSON.stringify(claims))
  }
})

t.test('a stream depends on one token for a day at most', async t => {
  const rules = { issuer: 'https://i', algorithms: new Set(), audiences: new Set(['a']), clockSkew: 0 }
  const claims = { aud: 'a', sub: 'ann', exp: 1e300 }
  t.equal(checkClaims({ text: '', header: {}, claims }, rules, 0).expires, 24 * 60 * 60 * 1000)
})
