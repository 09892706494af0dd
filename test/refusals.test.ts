import { createHash, createPublicKey, X509Certificate } from 'node:crypto'
import t from 'tap'
import { textOf } from '../gateway/mcp/refusal-table.ts'
import { newSecret } from '../gateway/auth/api-key/key.ts'
import { createIssuerKey, forgeToken, startTestIssuer, type IssuerKey } from './fixtures/issuer.ts'
import {
  eras,
  issueCertificates,
  keyEntry,
  startStage,
  type Asking,
  type Shown,
} from './fixtures/refusing.ts'
import { until } from './fixtures/until.ts'

// The gateway runs in this process: its clock stands still, so that edges are told to the second.
const now = Math.floor(Date.now() / 1000) * 1000
t.intercept(Date, 'now', { value: () => now })
const seconds = now / 1000
const at = (offset: number): string => new Date(now + offset * 1000).toISOString().replace('.000', '')

/** What is answered for a reason: status and code. */
const wire = {
  credential_missing: [401, 40101],
  credential_invalid: [401, 40102],
  credential_expired: [401, 40103],
  forbidden: [403, 40301],
  insufficient_scope: [403, 40302],
  request_malformed: [400, 40001],
} as const

/** What is answered in words. */
const says = {
  keyUnknown: textOf('key_unknown'),
  keyDisabled: textOf('key_disabled'),
  keyEarly: textOf('key_early'),
  keyExpired: textOf('key_expired'),
  keyUnbound: textOf('key_unbound'),
  tooMany: textOf('credentials_several'),
  twice: textOf('header_repeated', { name: 'authorization' }),
  noToken: textOf('token_malformed'),
  unreadable: textOf('token_claims'),
  tooLarge: textOf('token_too_large'),
  issuer: textOf('token_issuer'),
  algorithm: textOf('token_algorithm'),
  critical: textOf('token_critical'),
  keyName: textOf('token_kid'),
  type: textOf('token_type'),
  unnamedKey: textOf('token_unknown_key'),
  signature: textOf('token_signature'),
  audience: textOf('token_audience'),
  noAudience: textOf('token_no_audience'),
  idToken: textOf('token_is_id_token'),
  noExpiry: textOf('token_no_expiry'),
  tokenExpired: textOf('token_expired'),
  tokenEarly: textOf('token_early'),
  nobody: textOf('token_no_subject'),
  tokenUnbound: textOf('token_unbound'),
  otherBinding: textOf('token_binding'),
  untrusted: textOf('certificate_untrusted'),
  revoked: textOf('certificate_revoked'),
  certificateEarly: textOf('certificate_early'),
  certificateExpired: textOf('certificate_expired'),
  usage: textOf('certificate_usage'),
  noCertificate: textOf('certificate_unreadable'),
} as const

/** Of each proxy: what it asks for, and WWW-Authenticate where nothing is shown and where something wrong is. */
const invalid = 'error="invalid_token", error_description="MESSAGE"'
const login =
  'resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/login/mcp", scope="mcp:read"'
const several =
  'resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/several/mcp", ' +
  'ApiKey realm="several", in="header", name="X-Key", ApiKey realm="several", in="cookie", name="gate", ' +
  'Certificate realm="several", ApiKey realm="several", in="query", name="key"'
const places = {
  bearer: ['Authorization: Bearer KEY', 'Bearer realm="bearer"', `Bearer realm="bearer", ${invalid}`],
  bare: ['a key in the header Authorization', 'ApiKey realm="bare", in="header", name="Authorization"'],
  named: ['a key in the header X-Key', 'ApiKey realm="named", in="header", name="X-Key"'],
  worded: [
    'X-Token: Bearer KEY',
    'Bearer realm="worded", in="header", name="X-Token"',
    `Bearer realm="worded", in="header", name="X-Token", ${invalid}`,
  ],
  cookie: ['a key in the cookie gate', 'ApiKey realm="cookie", in="cookie", name="gate"'],
  query: ['a key in the query key', 'ApiKey realm="query", in="query", name="key"'],
  tokens: ['Authorization: Bearer KEY', 'Bearer realm="tokens"', `Bearer realm="tokens", ${invalid}`],
  login: ['Authorization: Bearer KEY', `Bearer ${login}`, `Bearer ${invalid}, ${login}`],
  machines: ['a client certificate', 'Certificate realm="machines"'],
  edge: ['a client certificate', 'Certificate realm="edge"'],
  far: ['a client certificate', 'Certificate realm="far"'],
  several: [
    'a key in the header X-Key, or a key in the cookie gate, or a client certificate, ' +
      'or X-Token: Bearer KEY, or a key in the query key, or Authorization: Bearer KEY',
    `Bearer ${several}`,
    `Bearer ${invalid}, ${several}`,
  ],
} as const satisfies Record<string, readonly [asksFor: string, missing: string, wrong?: string]>
type Place = keyof typeof places

/** One refusal, in every way of asking that it is for. */
interface Row {
  readonly name: string
  readonly proxy: string
  readonly shown: Shown
  readonly reason: keyof typeof wire
  readonly message: string
  /** The whole of WWW-Authenticate, with MESSAGE for the message; undefined for none. */
  readonly challenge: string | undefined
  /** All of them where it is not said. */
  readonly asking?: readonly Asking[]
  readonly tool?: string
  /** What the log says decided. */
  readonly rule?: string
}
const rows: Row[] = []

function missing(proxy: Place, name: string, shown: Shown): void {
  const [asksFor, challenge] = places[proxy]
  const message = textOf('credential_missing', { ways: asksFor })
  rows.push({ name, proxy, shown, reason: 'credential_missing', message, challenge })
}
function wrong(proxy: Place, name: string, shown: Shown, message: string): void {
  const [, otherwise, challenge = otherwise] = places[proxy] as readonly [string, string, string?]
  const reason = message.endsWith(' has expired') ? 'credential_expired' : 'credential_invalid'
  rows.push({ name, proxy, shown, reason, message, challenge })
}
function ungranted(proxy: Place, name: string, shown: Shown, rule: string): void {
  const message = textOf('proxy_forbidden', { proxy })
  rows.push({ name, proxy, shown, reason: 'forbidden', message, challenge: undefined, rule })
}

const folder = t.testdir()
const { authority, certificates } = await issueCertificates(folder, now)
const { good: certificate, other: otherCertificate, stranger } = certificates

// Keys.

const secretOf = (name: string): string => `canary-of-${name}-`.padEnd(43, '0123456789')
const made = newSecret()
const typo = made.slice(0, -1) + (made.endsWith('0') ? '1' : '0')
const keys = [
  keyEntry('good', [[secretOf('good')]]),
  keyEntry('stranger', [[secretOf('stranger')]]),
  keyEntry('typo', [[typo]]),
  keyEntry('disabled', [[secretOf('disabled')]], ', disabled: true'),
  keyEntry('early', [[secretOf('early')]], `, notBefore: ${at(1)}`),
  keyEntry('begun', [[secretOf('begun')]], `, notBefore: ${at(0)}`),
  keyEntry('expired', [[secretOf('expired')]], ', expires: 2020-01-01'),
  keyEntry('ended', [[secretOf('ended')]], `, expires: ${at(-1)}`),
  keyEntry('ending', [[secretOf('ending')]], `, expires: ${at(0)}`),
  keyEntry('lasting', [[secretOf('lasting')]], `, expires: ${at(1)}`),
  keyEntry('rotated', [[secretOf('old'), `, expires: ${at(-1)}`], [secretOf('new')]]),
  keyEntry('prepared', [[secretOf('current')], [secretOf('next'), `, notBefore: ${at(1)}`]]),
  keyEntry('outlived', [[secretOf('outlived'), `, expires: ${at(60)}`]], `, expires: ${at(-1)}`),
  keyEntry('bound', [[secretOf('bound')]], `, certificate: ${certificate.digest}`),
  keyEntry('abroad', [[secretOf('abroad')]], `, certificate: ${stranger.digest}`),
]

const carriers = {
  bearer: (key: string): Shown => ({ headers: { authorization: `Bearer ${key}` } }),
  bare: (key: string): Shown => ({ headers: { authorization: key } }),
  named: (key: string): Shown => ({ headers: { 'x-key': key } }),
  worded: (key: string): Shown => ({ headers: { 'x-token': `Bearer ${key}` } }),
  cookie: (key: string): Shown => ({ headers: { cookie: `theme=dark; gate=${key}` } }),
  query: (key: string): Shown => ({ query: `page=1&key=${key}` }),
}
const keyPlaces = Object.keys(carriers) as (keyof typeof carriers)[]
const goodKey = secretOf('good')
const [byBearer, byName] = [carriers.bearer(goodKey), carriers.named(goodKey)]

const wrongKeys: [name: string, key: string, message: string, as?: Shown['as']][] = [
  ['empty', '', says.keyUnknown],
  ['unknown', secretOf('nobody'), says.keyUnknown],
  ['one character more', `${goodKey}0`, says.keyUnknown],
  ['in upper case', goodKey.toUpperCase(), says.keyUnknown],
  ['its hash', createHash('sha256').update(goodKey).digest('hex'), says.keyUnknown],
  ['a typo in the checksum, though it is listed', typo, says.keyUnknown],
  ['disabled', secretOf('disabled'), says.keyDisabled],
  ['a second too early', secretOf('early'), says.keyEarly],
  ['a secret a second too early, of a good key', secretOf('next'), says.keyEarly],
  ['expired years ago', secretOf('expired'), says.keyExpired],
  ['expired a second ago', secretOf('ended'), says.keyExpired],
  ['expired at this instant', secretOf('ending'), says.keyExpired],
  ['an expired secret of a good key', secretOf('old'), says.keyExpired],
  ['a good secret of an expired key', secretOf('outlived'), says.keyExpired],
  ['bound, without a certificate', secretOf('bound'), says.keyUnbound],
  ['bound, with another certificate', secretOf('bound'), says.keyUnbound, otherCertificate],
  ['bound, to a certificate of no CA here', secretOf('abroad'), says.keyUnbound, stranger],
]
for (const place of keyPlaces) {
  const carry = carriers[place]
  missing(place, 'nothing', {})
  for (const [name, key, message, as] of wrongKeys) {
    // An empty header is none; an empty cookie or parameter is a key that nobody has.
    if (key === '' && place !== 'cookie' && place !== 'query') missing(place, name, carry(key))
    else wrong(place, name, { ...carry(key), as }, message)
  }
  ungranted(place, 'no role here', carry(secretOf('stranger')), '/keys/stranger/roles')
}
missing('bearer', 'another scheme', { headers: { authorization: `Basic ${goodKey}` } })
missing('bearer', 'a longer scheme', { headers: { authorization: `Bearer2 ${goodKey}` } })
missing('bearer', 'no scheme', { headers: { authorization: goodKey } })
missing('bearer', 'in the query', { query: `access_token=${goodKey}` })
missing('bearer', 'in a cookie', carriers.cookie(goodKey))
missing('named', 'in Authorization', byBearer)
missing('worded', 'no word', { headers: { 'x-token': goodKey } })
missing('cookie', 'its name in another case', { headers: { cookie: `Gate=${goodKey}` } })
missing('query', 'its name in another case', { query: `KEY=${goodKey}` })
wrong('bearer', 'the word twice', carriers.bearer(`Bearer ${goodKey}`), textOf('credential_scheme_twice'))
for (const [place, name] of [
  ['bearer', 'a key'],
  ['worded', 'a key'],
  ['tokens', 'a token'],
] as const) {
  const carry = place === 'worded' ? carriers.worded : carriers.bearer
  for (const text of ['${KEY}', '$KEY', '{{ key }}', '<your key>', '%KEY%'])
    wrong(place, `${text} for ${name}`, carry(text), textOf('credential_placeholder'))
  for (const text of ['undefined', 'null', 'None', '[object Object]'])
    wrong(place, `${text} for ${name}`, carry(text), textOf('credential_unset'))
}
wrong('bare', 'behind a word', byBearer, textOf('credential_scheme_twice'))
wrong('named', 'twice', { headers: { 'x-key': [goodKey, goodKey] } }, says.keyUnknown)
wrong('cookie', 'twice', { headers: { cookie: `gate=${goodKey}; gate=${goodKey}` } }, says.keyUnknown)
wrong('query', 'twice', { query: `key=${goodKey}&key=${goodKey}` }, says.keyUnknown)
rows.push({
  name: 'the header twice',
  proxy: 'bearer',
  shown: { headers: { authorization: [`Bearer ${goodKey}`, `Bearer ${goodKey}`] } },
  reason: 'request_malformed',
  message: says.twice,
  challenge: undefined,
})

// Tokens: each is what is right for its proxy, but for what is said.

const signing = await createIssuerKey('ES256', 'ec-1')
const edwards = await createIssuerKey('EdDSA', 'ed-1')
const rsa = await createIssuerKey('RS256', 'rsa-1')
const attacker = await createIssuerKey('ES256', 'ec-1')
const issuer = await startTestIssuer([signing, edwards, rsa])
t.teardown(issuer.close)
const evil = await startTestIssuer([attacker])
t.teardown(evil.close)

type Claims = Record<string, unknown>
const claimsFor = (proxy: string, more: Claims = {}): Claims => ({
  iss: issuer.url,
  aud: `https://mcp.example.com/${proxy}/mcp`,
  sub: 'ann',
  team: 'one',
  scope: 'mcp:read',
  exp: seconds + 300,
  ...more,
})
const sign = (claims: Claims | string, header: Claims = {}, { privateKey }: IssuerKey = signing): string =>
  forgeToken(privateKey, { alg: 'ES256', kid: 'ec-1', typ: 'at+jwt', ...header }, claims)
const tokenFor = (proxy: string, more: Claims = {}): Shown => carriers.bearer(sign(claimsFor(proxy, more)))
const { raw } = new X509Certificate(certificate.cert)
const binding = { cnf: { 'x5t#S256': createHash('sha256').update(raw).digest('base64url') } }
const publicPem = Buffer.from(createPublicKey(rsa.privateKey).export({ type: 'spki', format: 'pem' }))

const wrongClaims: [name: string, more: Claims, message: string, as?: Shown['as']][] = [
  ['wrong issuer', { iss: evil.url }, says.issuer],
  ['its issuer and a slash', { iss: `${issuer.url}/` }, says.issuer],
  ['no issuer', { iss: undefined }, says.issuer],
  ['for another proxy', { aud: 'https://mcp.example.com/other/mcp' }, says.audience],
  ['for the host', { aud: 'https://mcp.example.com' }, says.audience],
  ['no audience', { aud: undefined }, says.noAudience],
  ['an ID token by its token_use', { token_use: 'id' }, says.idToken],
  ['a refresh token by its typ', { typ: 'Refresh' }, says.type],
  ['no expiry', { exp: undefined }, says.noExpiry],
  ['an expiry in text', { exp: String(seconds + 300) }, says.noExpiry],
  ['expired at the epoch', { exp: 0 }, says.tokenExpired],
  ['valid tomorrow', { nbf: seconds + 86_400 }, says.tokenEarly],
  ['a beginning in text', { nbf: String(seconds - 300) }, says.tokenEarly],
  ['an ID token with nonce', { nonce: 'n-0S6' }, says.idToken],
  ['an ID token with at_hash', { at_hash: 'x' }, says.idToken],
  ['about nobody', { sub: undefined }, says.nobody],
  ['bound, without a certificate', binding, says.tokenUnbound],
  ['bound, with another certificate', binding, says.tokenUnbound, otherCertificate],
  ['bound to a key', { cnf: { jkt: 'x' } }, says.otherBinding, certificate],
]
const wrongHeaders: [name: string, header: Claims, message: string, key?: IssuerKey][] = [
  ['an alg that is not allowed', { alg: 'EdDSA', kid: 'ed-1' }, says.algorithm, edwards],
  ['alg in lower case', { alg: 'es256' }, says.algorithm],
  ['kid unknown', { kid: 'ec-2' }, says.unnamedKey],
  ['kid a path', { kid: '../../../../dev/null' }, says.unnamedKey],
  ['kid SQL', { kid: "ec-1' UNION SELECT 'x" }, says.unnamedKey],
  ['kid __proto__', { kid: '__proto__' }, says.unnamedKey],
  ['kid of a key for another alg', { kid: 'rsa-1' }, says.unnamedKey],
  ['kid a list', { kid: ['ec-1'] }, says.keyName],
  ['kid of another issuer', {}, says.signature, attacker],
  ['jwk', { jwk: attacker.publicJwk }, says.signature, attacker],
  ['x5c', { x5c: ['MIIB'] }, says.signature, attacker],
  ['jku', { kid: 'mine', jku: `${evil.url}/keys` }, says.unnamedKey, attacker],
  ['x5u', { kid: 'mine', x5u: `${evil.url}/keys` }, says.unnamedKey, attacker],
  ['crit', { crit: ['b64'], b64: false }, says.critical],
  ['typ of an ID-JAG', { typ: 'oauth-id-jag+jwt' }, says.type],
  ['typ of a DPoP proof', { typ: 'dpop+jwt' }, says.type],
  ['typ a list', { typ: ['at+jwt'] }, says.type],
]
const hs256 = { alg: 'HS256', kid: 'rsa-1' }
const wrongTexts: [name: string, of: (claims: Claims) => string, message: string][] = [
  ['alg none', claims => forgeToken(undefined, { alg: 'none' }, claims), says.algorithm],
  ['HS256 with the public key', claims => forgeToken(publicPem, hs256, claims), says.algorithm],
  ['no JWT', () => 'canary-of-what-is-no-token', says.noToken],
  ['five parts', claims => `${sign(claims)}.e30.e30`, says.noToken],
  ['two tokens', claims => `${sign(claims)}, ${sign(claims)}`, says.noToken],
  ['padding', claims => `${sign(claims)}==`, says.noToken],
  ['claims changed', claims => spliced(sign(claims), sign({ ...claims, sub: 'root' })), says.signature],
  ['signature changed', claims => changed(sign(claims)), says.signature],
  ['signature gone', claims => sign(claims).replace(/[^.]*$/, ''), says.signature],
  ['a claim twice', claims => sign(`{"sub":"root",${JSON.stringify(claims).slice(1)}`), says.unreadable],
  ['claims a list', () => sign('[]'), says.unreadable],
  ['more than 16 KiB', claims => sign({ ...claims, more: 'x'.repeat(14_000) }), says.tooLarge],
]

/** The claims of one token under the header and signature of another. */
function spliced(signed: string, other: string): string {
  const [head, , signature] = signed.split('.')
  return [head, other.split('.')[1], signature].join('.')
}

/** A token whose signature begins otherwise. */
function changed(token: string): string {
  return token.replace(/(?<=\.)[^.](?=[^.]*$)/, first => (first === 'A' ? 'B' : 'A'))
}

for (const place of ['tokens', 'login'] as const) {
  missing(place, 'nothing', {})
  missing(place, 'empty', carriers.bearer(''))
  missing(place, 'in the query', { query: `access_token=${sign(claimsFor(place))}` })
  missing(place, 'another scheme', { headers: { authorization: `DPoP ${sign(claimsFor(place))}` } })
  for (const [name, more, message, as] of wrongClaims)
    wrong(place, name, { ...tokenFor(place, more), as }, message)
  for (const [name, header, message, key] of wrongHeaders)
    wrong(place, name, carriers.bearer(sign(claimsFor(place), header, key)), message)
  for (const [name, of, message] of wrongTexts)
    wrong(place, name, carriers.bearer(of(claimsFor(place))), message)
  ungranted(place, 'no grant', tokenFor(place, { team: 'two' }), `/auth/${place}/grants`)
}
// `tokens` allows for no skew, `login` for five seconds.
wrong('tokens', 'expired at this instant', tokenFor('tokens', { exp: seconds }), says.tokenExpired)
wrong('tokens', 'expired a second ago', tokenFor('tokens', { exp: seconds - 1 }), says.tokenExpired)
wrong('tokens', 'a second too early', tokenFor('tokens', { nbf: seconds + 1 }), says.tokenEarly)
wrong('login', 'expired where the skew ends', tokenFor('login', { exp: seconds - 5 }), says.tokenExpired)
wrong('login', 'a second before the skew', tokenFor('login', { nbf: seconds + 6 }), says.tokenEarly)

const short = {
  login:
    'Bearer error="insufficient_scope", scope="SCOPE", resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/login/mcp", error_description="MESSAGE"',
  scoped: 'Bearer realm="scoped", error="insufficient_scope", scope="SCOPE", error_description="MESSAGE"',
}
const posts: readonly Asking[] = ['modern POST', 'legacy POST']
const wrongScopes: [name: string, offered: string | undefined, tool: string, needed: string][] = [
  ['no scope', undefined, 'get_a', 'mcp:read'],
  ['another scope', 'mcp:write', 'get_a', 'mcp:read'],
  ['a part of a scope', 'mcp mcp:rea mcp:read2', 'get_a', 'mcp:read'],
  ['no scope for one tool', 'mcp:read', 'set_a', 'mcp:read mcp:write'],
  ['no scope at all for one tool', 'other', 'set_a', 'mcp:read mcp:write'],
]
for (const proxy of ['login', 'scoped'] as const) {
  for (const [name, scope, tool, needed] of wrongScopes) {
    const row = {
      name,
      proxy,
      shown: tokenFor(proxy, { scope }),
      reason: 'insufficient_scope',
      message: textOf('scope_missing', { scopes: needed }),
      challenge: short[proxy].replace('SCOPE', needed),
      rule: `/proxies/${proxy}/scopes`,
    } as const
    rows.push({ ...row, tool, asking: posts })
    if (tool === 'get_a') rows.push({ ...row, asking: ['legacy GET'] })
  }
}

// Certificates: of the connection, and in a header.

type CertificateName = keyof typeof certificates
const inHeader = (pem: string): Shown => ({ headers: { 'x-agent-cert': encodeURIComponent(pem) } })
const presented = {
  machines: (name: CertificateName): Shown => ({ as: certificates[name] }),
  edge: (name: CertificateName): Shown => inHeader(certificates[name].cert),
}
const wrongCertificates: [name: string, certificate: CertificateName, message: string][] = [
  ['of another CA', 'stranger', says.untrusted],
  ['of another CA of the same name', 'namesake', says.untrusted],
  ['revoked', 'revoked', says.revoked],
  ['valid tomorrow', 'early', says.certificateEarly],
  ['expired yesterday', 'expired', says.certificateExpired],
  ['expired a second ago', 'ended', says.certificateExpired],
  ['for servers', 'forServers', says.usage],
]
for (const place of ['machines', 'edge'] as const) {
  missing(place, 'nothing', {})
  for (const [name, which, message] of wrongCertificates) wrong(place, name, presented[place](which), message)
  ungranted(place, 'no grant', presented[place]('ungranted'), `/auth/${place}/grants`)
}
missing('machines', 'in a header', inHeader(certificate.cert))
missing('edge', 'of the connection', { as: certificate })
missing('edge', 'an empty header', { headers: { 'x-agent-cert': '' } })
missing('far', 'from an address that is not trusted', inHeader(certificate.cert))
wrong('edge', 'a name', { headers: { 'x-agent-cert': 'CN=agent' } }, says.noCertificate)
wrong('edge', 'a broken escape', { headers: { 'x-agent-cert': '%E0%A4%A' } }, says.noCertificate)
wrong(
  'edge',
  'two certificates, the first of another CA',
  inHeader(stranger.cert + certificate.cert),
  says.untrusted,
)

// Several at once: what is wrong never makes way for what is right.

const token = sign(claimsFor('several'))
const [byToken, noBody] = [carriers.bearer(token), secretOf('nobody')]
const and = (one: Shown, other: Shown): Shown => ({
  ...one,
  ...other,
  headers: { ...one.headers, ...other.headers },
})
missing('several', 'nothing', {})
for (const [name, one, other] of [
  ['two right keys in headers', byBearer, byName],
  ['two right keys, in a header and in the query', byName, carriers.query(goodKey)],
  ['a right token and a right key in a cookie', byToken, carriers.cookie(goodKey)],
  ['a wrong key in Authorization and a right one in X-Key', carriers.bearer(noBody), byName],
  ['a right key in Authorization and a wrong one in X-Key', byBearer, carriers.named(noBody)],
  ['a wrong token and a right key in the query', carriers.bearer(changed(token)), carriers.query(goodKey)],
  ['a right token and an empty cookie', byToken, carriers.cookie('')],
] as const) {
  wrong('several', name, and(one, other), says.tooMany)
}
const foreign = sign(claimsFor('several', { iss: evil.url }), {}, attacker)
for (const [name, shown, message] of [
  ['a wrong key', carriers.named(noBody), says.keyUnknown],
  ['a disabled key', carriers.cookie(secretOf('disabled')), says.keyDisabled],
  ['an expired key', carriers.bearer(secretOf('expired')), says.keyExpired],
  ['a key that is bound to another', carriers.query(secretOf('abroad')), says.keyUnbound],
  ['a token for another proxy', tokenFor('login'), says.audience],
  ['an expired token', tokenFor('several', { exp: 0 }), says.tokenExpired],
  ['a token of another issuer', carriers.bearer(foreign), says.issuer],
  ['alg none', carriers.bearer(forgeToken(undefined, { alg: 'none' }, claimsFor('several'))), says.algorithm],
  ['no alg', carriers.bearer(forgeToken(undefined, {}, claimsFor('several'))), says.keyUnknown],
] as const) {
  wrong('several', `${name}, beside a right certificate`, { ...shown, as: certificate }, message)
}
wrong('several', 'a certificate of another CA', { as: stranger }, says.untrusted)
const roleless = { ...carriers.named(secretOf('stranger')), as: certificate }
ungranted('several', 'a key without a role, beside a right certificate', roleless, '/keys/stranger/roles')

/** What the wrong ones are made of, and what is on the right side of an edge. */
const accepted: [proxy: string, name: string, shown: Shown, tool?: string][] = [
  ...keyPlaces.flatMap(place =>
    ['good', 'begun', 'lasting', 'new', 'current'].map((name): [string, string, Shown] => [
      place,
      name,
      carriers[place](secretOf(name)),
    ]),
  ),
  ['named', 'bound, with its certificate', { ...carriers.named(secretOf('bound')), as: certificate }],
  ['tokens', 'a token', tokenFor('tokens')],
  ['tokens', 'bound, with its certificate', { ...tokenFor('tokens', binding), as: certificate }],
  ['tokens', 'a second left', tokenFor('tokens', { exp: seconds + 1 })],
  ['tokens', 'begins at this instant', tokenFor('tokens', { nbf: seconds })],
  ['login', 'a token', tokenFor('login')],
  ['login', 'a second of the skew left', tokenFor('login', { exp: seconds - 4 })],
  ['login', 'begins where the skew begins', tokenFor('login', { nbf: seconds + 5 })],
  ['login', 'every scope of a tool', tokenFor('login', { scope: 'mcp:write mcp:read' }), 'set_a'],
  ['scoped', 'the scope', tokenFor('scoped')],
  ['machines', 'a certificate', { as: certificate }],
  ['edge', 'a certificate', inHeader(certificate.cert)],
  ['several', 'a key', byName],
  ['several', 'a key, whatever the certificate', { ...byName, as: stranger }],
  ['several', 'a token', byToken],
  ['several', 'a certificate', { as: certificate }],
  ['several', 'an empty Bearer, and a key', and(carriers.bearer(''), carriers.worded(goodKey))],
]

const { gateway, upstream, send } = await startStage(t, folder, authority, issuer, keys)
const { revision } = await gateway.status()

t.test('what the refused ones are made of is accepted', async t => {
  for (const [proxy, name, shown, tool = 'get_a'] of accepted) {
    for (const asking of eras) {
      const { status } = await send(proxy, asking, tool, shown)
      t.equal(status, 200, `${proxy}: ${name}, ${asking}`)
    }
  }
})

/** The pieces of what is shown that are long enough to be told by. */
function piecesOf({ headers = {}, query = '' }: Shown): string[] {
  const texts = [...Object.values(headers).flat(), query].map(text => text.replaceAll(/%[0-9A-F]{2}/g, ' '))
  return texts.flatMap(text => text.split(/[^\w-]+/)).filter(text => text.length > 20)
}

/** The body of an answer. The body of a request is read for its id only if the caller is known; else the answer is text. */
function bodyOf(row: Row, asking: Asking): { contentType: string; body: string } {
  const [, code] = wire[row.reason]
  const isKnown = isAuthenticated(row)
  if (!isKnown || asking === 'legacy GET') {
    const by = isKnown ? `revision: ${revision}\n` : ''
    const body = `${row.reason} (${code}): ${row.message}\nrequestId: ID\n${by}`
    return { contentType: 'text/plain; charset=utf-8', body }
  }
  const data = `{"reason":"${row.reason}","requestId":"ID","revision":"${revision}"}`
  const body = `{"jsonrpc":"2.0","id":7,"error":{"code":${code},"message":"${row.message}","data":${data}}}`
  return { contentType: 'application/json', body }
}

/** Whether the refusal is of one who is known, and so may be told the revision. */
function isAuthenticated({ reason }: Row): boolean {
  return reason === 'forbidden' || reason === 'insufficient_scope'
}

/** Whether the credential that was refused proves whose it is, so that the log names them. */
function isOfKnown({ message, name }: Row): boolean {
  return proofs.has(message) || name.endsWith('by its typ')
}
const proofs = new Set<string>([
  says.keyDisabled,
  says.keyEarly,
  says.keyExpired,
  says.keyUnbound,
  says.tokenExpired,
  says.tokenEarly,
  says.noExpiry,
  says.idToken,
  says.audience,
  says.noAudience,
  says.tokenUnbound,
  says.otherBinding,
  says.revoked,
  says.certificateEarly,
  says.certificateExpired,
  says.usage,
])

const requestIdIn = /requestId(?:":"|: )([0-9a-f]{32})/

t.test('every refusal is told in full, goes no further, and gives nothing away', async t => {
  t.match(revision, /^[0-9a-f]{12}$/)
  const refused = new Map<string, Row & { told: string }>()
  for (const row of rows) {
    const [status] = wire[row.reason]
    const pieces = piecesOf(row.shown)
    for (const asking of row.asking ?? eras) {
      const told = `${row.proxy}: ${row.name}, ${asking}`
      const before = upstream.arrivals.length
      const answer = await send(row.proxy, asking, row.tool ?? 'get_a', row.shown)
      const requestId = requestIdIn.exec(answer.body)?.[1] ?? ''
      t.strictSame(
        { ...answer, body: answer.body.replace(requestId, 'ID') },
        {
          status,
          challenge: row.challenge?.replace('MESSAGE', row.message),
          ...bodyOf(row, asking),
        },
        told,
      )
      const said = JSON.stringify(answer)
      t.notOk(
        pieces.some(piece => said.includes(piece)),
        `${told}: nothing is echoed`,
      )
      t.equal(upstream.arrivals.length, before, `${told}: nothing went upstream`)
      refused.set(requestId, { ...row, told })
    }
  }
  t.ok(rows.length >= 250, `${rows.length} rows`)
  t.strictSame(evil.asked, [], 'nobody goes where a token says')

  const last = [...refused.keys()].at(-1)
  await until(() => gateway.lines.some(({ requestId }) => requestId === last), 'the last one is logged')
  const lines = gateway.lines.filter(({ requestId }) => refused.has(String(requestId)))
  t.equal(lines.length, refused.size, 'a line for each')
  for (const { requestId, decision, reason, status, revision: by, proxy, principal, rule } of lines) {
    const row = refused.get(String(requestId))!
    t.strictSame(
      [decision, reason, status, by, proxy, rule, typeof principal],
      [
        'deny',
        row.reason,
        wire[row.reason][0],
        revision,
        row.reason === 'request_malformed' ? undefined : row.proxy,
        row.rule,
        isAuthenticated(row) || isOfKnown(row) ? 'string' : 'undefined',
      ],
      `${row.told}: the line`,
    )
  }
  const log = gateway.logText()
  const shown = [...rows.map(row => row.shown), ...accepted.map(([, , one]) => one)]
  t.strictSame(
    shown.flatMap(piecesOf).filter(piece => log.includes(piece)),
    [],
  )
})
