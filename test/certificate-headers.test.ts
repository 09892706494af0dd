import { request } from 'node:http'
import { join } from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { certificateIn } from '../gateway/auth/certificate-header.ts'
import { createAuthority, type Issued } from './fixtures/certificates.ts'
import { startTestGateway, type TestGateway } from './fixtures/gateway.ts'
import { call } from './fixtures/secure.ts'
import { until } from './fixtures/until.ts'
import { listOrStream, startTestUpstream } from './fixtures/upstream.ts'
import { writeFileSync } from 'node:fs'

/** Client certificates in the headers of real proxies, and those that a TLS handshake does not accept. */

const folder = t.testdir()
const [clients, servers] = await Promise.all(
  ['clients', 'servers'].map(name => createAuthority(folder, name)),
)
const inner = await clients!.below('inner')
const nameOf = (who: string): string => `URI:spiffe://example.com/agent/${who}`
const issue = (who: string, by = clients!): Promise<Issued> =>
  by.issue({ san: [nameOf(who)], usage: 'clientAuth' })
const ann = await issue('ann')
const ben = await issue('ben')
const upstream = await startTestUpstream(listOrStream)
t.teardown(upstream.close)

function put(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}
const ca = put('clients.pem', clients!.cert)

async function start(t: Test, header: string): Promise<TestGateway> {
  const gateway = await startTestGateway(
    `
auth:
  machines:
    type: mtls
    grants: [{when: {san: "*"}, roles: [all]}]
    from: {header: ${header}, proxies: [127.0.0.1], ca: {file: "${ca}"}}
roles: {all: {access: {main: {tools: {allow: ["*"]}}}}}
proxies:
  main: {auth: [machines], upstream: {url: "${upstream.url}", caller: {}}}
`,
    { watch: false },
  )
  t.teardown(gateway.close)
  return gateway
}

const nobody = { status: 401, reason: 'credential_missing', principal: undefined }
const unreadable = { status: 401, reason: 'credential_invalid', detail: 'certificate_unreadable' }

const body = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}'

interface Answer {
  readonly status: number
  readonly reason: string | undefined
  readonly detail: string | undefined
  /** Who the upstream was told that it is. */
  readonly principal: string | undefined
}

async function ask(gateway: TestGateway, headers: [string, string][]): Promise<Answer> {
  const before = upstream.arrivals.length
  const lines = gateway.lines.length
  const status = await new Promise<number>((resolve, reject) => {
    const common = [
      ['Host', new URL(gateway.url).host],
      ['Content-Type', 'application/json'],
      ['Content-Length', String(body.length)],
    ]
    const list = [...common, ...headers].flat()
    const sent = request(`${gateway.url}/main/mcp`, { method: 'POST', headers: list, agent: false }, answer =>
      answer.resume().on('end', () => resolve(answer.statusCode!)),
    )
    sent.on('error', reject).end(body)
  })
  const line = await until(
    () => gateway.lines.slice(lines).find(one => one['event'] === 'request'),
    'it is logged',
  )
  const arrived = upstream.arrivals[before]
  t.notMatch(JSON.stringify(arrived?.headers ?? {}), /BEGIN|MII/)
  return {
    status,
    reason: line['reason'] as string | undefined,
    detail: line['detail'] as string | undefined,
    principal: arrived?.headers['x-gatehouse-principal'] as string | undefined,
  }
}

/** The base64 of the DER. */
const base64 = ({ cert }: Issued): string => cert.replaceAll(/-----[^-]*-----|\s/g, '')
const form = (text: string): string => new URLSearchParams({ '': text }).toString().slice(1)
const escaped = ({ cert }: Issued): string => encodeURIComponent(cert)
const element = (who: Issued, more = ''): string =>
  `By=spiffe://example.com/gateway;Hash=${who.digest};Cert="${escaped(who)}"${more};Subject="CN=a \\"b\\", O=c;d";URI=${nameOf('x').slice(4)}`

/** What proxies send for a client that presented ann's certificate. */
const forms: Record<string, string> = {
  'nginx, escaped': escaped(ann),
  'nginx, with tabs': ann.cert.trim().replaceAll('\n', '\t'),
  'Apache, with spaces': ann.cert.replaceAll('\n', ' '),
  'AWS, with + / and = as they are': escaped(ann)
    .replaceAll('%2B', '+')
    .replaceAll('%2F', '/')
    .replaceAll('%3D', '='),
  'an escaped chain': encodeURIComponent(ann.cert + inner.cert),
  'a chain, escaped as a form': form(ann.cert + clients!.cert),
  'a chain with commas': `${escaped(ann)},${escaped(clients!)}`,
  'HAProxy and Caddy, base64 DER': base64(ann),
  'Traefik, base64 DER, escaped': encodeURIComponent(base64(ann)),
  'Traefik, a chain': `${base64(ann)},${base64(clients!)}`,
  'Traefik, a chain, escaped': `${form(base64(ann))},${form(base64(inner))}`,
  'Traefik, another client after it': `${base64(ann)},${base64(ben)}`,
  'RFC 9440': `:${base64(ann)}:`,
  Envoy: element(ann),
  'Envoy, with its chain': element(ann, `;Chain="${encodeURIComponent(ann.cert + inner.cert)}"`),
  'Envoy, the chain only': `Hash=x;Chain="${encodeURIComponent(ann.cert + inner.cert)}"`,
  'Envoy, keys in lower case, no quotation marks': `hash=x;cert=${escaped(ann)}`,
  'Envoy, after the element of another hop': `${element(ben)},${element(ann)}`,
  'Envoy, after an element of the client without a certificate': `Subject="x,y;Cert=z",${element(ann)}`,
}

t.test('certificates in the forms of nginx, Apache, AWS, HAProxy, Caddy, Traefik and Envoy', async t => {
  const gateway = await start(t, 'X-Forwarded-Client-Cert')
  for (const [name, value] of Object.entries(forms)) {
    t.match(
      await ask(gateway, [['X-Forwarded-Client-Cert', value]]),
      { status: 200, principal: nameOf('ann') },
      name,
    )
  }
  for (const value of ['', '(null)'])
    t.match(await ask(gateway, [['x-forwarded-client-cert', value]]), nobody, `none: ${value}`)
})

t.test('a header that is malformed, or sent twice, is no certificate', async t => {
  const gateway = await start(t, 'X-Client-Cert')
  const bad: Record<string, string> = {
    'a list of byte sequences': `:${base64(ann)}:, :${base64(ann)}:`,
    'a byte sequence with parameters': `:${base64(ann)}:;a=b`,
    'certificates without a separator': base64(ann) + base64(ben),
    'something after the certificate': `${ann.cert.replaceAll('\n', ' ')} x`,
    'something before it': `x ${ann.cert.replaceAll('\n', ' ')}`,
    'an element of Envoy after something else': `${base64(ann)},${element(ben)}`,
    'an escaped certificate, and an element': `${escaped(ann)},${element(ben)}`,
    'base64 that is not a certificate': 'QUJD,QUJD',
    'an escape that is not one': `${escaped(ann)}%`,
    'an empty member of a chain': `${base64(ann)},,${base64(ben)}`,
    'a chain that begins with a comma': `,${base64(ann)}`,
    'a certificate twice in an element': `Cert="${escaped(ann)}";Cert="${escaped(ben)}"`,
    'a quotation mark that is never closed': `Subject="x,${element(ann)}`,
    'text after a quotation mark': `Cert="${escaped(ann)}"x`,
    'an element without pairs': `${element(ann)},`,
    'a private key': '-----BEGIN PRIVATE KEY----- AAAA -----END PRIVATE KEY-----',
  }
  for (const [name, value] of Object.entries(bad))
    t.match(await ask(gateway, [['x-client-cert', value]]), unreadable, name)
  const withoutCert = `Hash=${ann.digest};Subject="CN=ann";URI=${nameOf('ann').slice(4)}`
  for (const value of [withoutCert, `${element(ann)},${withoutCert}`, 'Cert=;Hash=x'])
    t.match(await ask(gateway, [['x-client-cert', value]]), {
      ...unreadable,
      detail: 'certificate_not_forwarded',
    })
  for (const value of [base64(ann), escaped(ann), element(ann)]) {
    const twice: [string, string][] = [
      ['X-Client-Cert', base64(ben)],
      ['x-client-cert', value],
    ]
    t.match(await ask(gateway, twice), unreadable, 'one of them may be the client’s own')
  }
})

t.test('whatever a client writes in front of the element of Envoy, it never speaks for another', t => {
  const pieces = ['"', '\\', ';', ',', '=', ' ', '%', ':', 'a', 'Cert=', 'Chain=', 'Hash=', 'Subject="']
  const written = [
    ...pieces,
    `"${escaped(ben)}"`,
    escaped(ben),
    base64(ben),
    `:${base64(ben)}:`,
    element(ben),
  ]
  const prefix = fc.array(fc.constantFrom(...written), { maxLength: 12 }).map(parts => parts.join(''))
  const own = Buffer.from(base64(ann), 'base64')
  let found = 0
  fc.assert(
    fc.property(prefix, text => {
      const certificate = certificateIn(`${text},${element(ann)}`)
      if (certificate === undefined) return true
      found++
      return certificate !== 'none' && certificate.equals(own)
    }),
    { seed: 7, numRuns: 20_000 },
  )
  t.ok(found > 100, `${found} of them are well formed`)
  t.end()
})

t.test('a long header without an end is no certificate', async t => {
  for (const text of [
    `-----BEGIN CERTIFICATE-----${' '.repeat(20_000)}`,
    `Cert="${'\\"'.repeat(10_000)}`,
    `${'A'.repeat(20_000)}!`,
    `${'By=x,'.repeat(4000)}`,
    ' '.repeat(20_000),
  ])
    t.equal(certificateIn(text), undefined)
})

t.test('a handshake that does not accept a certificate is explained, without a code of OpenSSL', async t => {
  const server = await servers!.issue({ subject: '/CN=gateway', san: ['IP:127.0.0.1'], usage: 'serverAuth' })
  const under = await issue('cid', inner)
  const trusting = async (file: string): Promise<TestGateway> => {
    const gateway = await startTestGateway(
      `listen:
  tls:
    cert: {file: "${put('server.crt', server.cert)}"}
    key: {file: "${put('server.key', server.key)}"}
    clientCa: {file: "${file}"}
auth:
  machines: {type: mtls, grants: [{when: {san: "*"}, roles: [all]}]}
roles: {all: {access: {main: {tools: {allow: ["*"]}}}}}
proxies:
  main: {auth: [machines], upstream: {url: "${upstream.url}"}}
`,
      { watch: false },
    )
    t.teardown(gateway.close)
    return gateway
  }
  const gateway = await trusting(put('inner.pem', inner.cert))
  const answer = await call(`${gateway.url}/main/mcp`, { ca: servers!.cert, as: under })
  t.match(answer, { status: 401, reason: 'credential_invalid' })
  t.match(
    answer.message!,
    /the certificate was refused: listen\.tls\.clientCa has its issuer, but not the CA above/,
  )
  t.notMatch(answer.message!, /[A-Z]+_[A-Z]+_/)
  const line = await until(() => gateway.lines.find(one => one['event'] === 'request'), 'it is logged')
  t.match(line, { detail: 'certificate_refused' })

  const whole = await trusting(put('both.pem', inner.cert + clients!.cert))
  t.match(await call(`${whole.url}/main/mcp`, { ca: servers!.cert, as: under }), { status: 200 })
})
