import { generateKeyPairSync } from 'node:crypto'
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t from 'tap'
import { load, type LoadResult } from '../gateway/config/load.ts'

const folder = mkdtempSync(join(tmpdir(), 'gatehouse-boundaries-'))
t.teardown(() => rmSync(folder, { recursive: true }))
const home = join(folder, 'home')
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const pem = String(privateKey.export({ type: 'pkcs8', format: 'pem' }))
const env = {
  PEPPER: 'pepper-pepper-pepper-pepper-pepper-1',
  PEPPER_AGAIN: 'pepper-pepper-pepper-pepper-pepper-1',
  BEARER: 'Bearer pepper-pepper-pepper-pepper-pepper-1',
  SESSION: 'session-session-session-session-1',
  TLS_KEY: pem,
  OTHER: 'other',
  LINK: 'pepper-link',
}

function put(name: string, text: string): void {
  mkdirSync(dirname(join(home, name)), { recursive: true })
  writeFileSync(join(home, name), text)
}

put('own/session', 'session-in-a-file-session-in-a-file-1\n')
put('own/copy', 'session-in-a-file-session-in-a-file-1\n')
put('own/tls.key', pem)
put('own/tls-again.key', `# a copy\n${pem.replaceAll('\n', '\r\n')}`)
put('own/other', 'other\n')
put('../outside/key', 'outside\n')
put('../outside/team.yaml', 'roles: {linked: {access: {}}}\n')
symlinkSync('session', join(home, 'own/session-link'))
linkSync(join(home, 'own/session'), join(home, 'own/session-hard'))
symlinkSync('/proc/self/environ', join(home, 'own/environ'))
symlinkSync('/proc/self', join(home, 'own/self'))
symlinkSync('environ', join(home, 'own/environ-again'))
symlinkSync('../../outside/key', join(home, 'own/outside'))
symlinkSync('../../outside', join(home, 'own/elsewhere'))

/** Loads a main file, and perhaps a fragment. Returns the errors as `FILE:LINE CODE`. */
function errors(main: string, fragment?: string): string[] {
  return loadAll(main, fragment).diagnostics.flatMap(({ file, line, code, severity }) =>
    severity === 'error' ? [`${file.slice(home.length + 1)}:${line} ${code}`] : [],
  )
}

function loadAll(main: string, fragment?: string): LoadResult {
  put('gateway.yaml', `version: 1\n${main}`)
  if (fragment !== undefined) put('teams/a.yaml', fragment)
  return load(join(home, 'gateway.yaml'), { env, now: new Date('2026-11-27') })
}

const url = 'url: "https://tools.example.com/mcp"'
const proxy = (upstream: string): string => `proxies: {a: {auth: none, upstream: {${upstream}}}}`
const header = (reference: string): string => proxy(`${url}, headers: {X-Key: {${reference}}}`)

/** Every place of a reference to a file. */
const places: Record<string, (reference: string) => string> = {
  'a header': header,
  'a query parameter': reference => proxy(`${url}, query: {key: {${reference}}}`),
  'a client secret': reference =>
    proxy(
      `${url}, auth: {type: client-credentials, tokenUrl: "https://idp.example.com/t", clientId: g, clientSecret: {${reference}}}`,
    ),
  'a private key': reference =>
    proxy(
      `${url}, auth: {type: client-credentials, tokenUrl: "https://idp.example.com/t", clientId: g, privateKey: {${reference}}}`,
    ),
  'a key of TLS': reference => proxy(`${url}, tls: {cert: {file: own/other}, key: {${reference}}}`),
  'a secret for introspection': reference =>
    `auth: {sso: {type: jwt, issuer: "https://idp.example.com", audiences: [a], introspection: {clientId: g, clientSecret: {${reference}}}}}\n${proxy(url)}`,
}

const verifying: Record<string, (reference: string) => string> = {
  'an authority of TLS': reference => proxy(`${url}, tls: {ca: {${reference}}}`),
  'a key set': reference =>
    `auth: {sso: {type: jwt, issuer: "https://idp.example.com", audiences: [a], jwks: {${reference}}}}\n${proxy(url)}`,
  'an authority of clients': reference =>
    `auth: {m: {type: mtls, grants: [{when: {san: a}, roles: []}], from: {header: X-C, proxies: [127.0.0.1], ca: {${reference}}}}}\n${proxy(url)}`,
}

const system = [
  '/proc/self/environ',
  '/proc/1/environ',
  '/proc/../proc/self/environ',
  '../../../../../../../../../proc/self/environ',
  '//proc/self/environ',
  '/proc/self/root/etc/hostname',
  '/sys/kernel/notes',
  '/dev/stdin',
  '/dev/fd/0',
  '/dev/zero',
  'own/environ',
  'own/environ-again',
  'own/self/environ',
  'own/self/no-such-file',
]

t.test('a reference could lead to /proc, /sys or /dev', async t => {
  for (const [name, place] of Object.entries({ ...places, ...verifying })) {
    for (const file of system) {
      const found = errors(place(`file: "${file}"`))
      t.ok(
        found.some(one => one.endsWith(' GH1026')),
        `${file} as ${name}: ${found.join(', ')}`,
      )
    }
  }
  for (const block of [
    'pepper: {file: /proc/self/environ}',
    'sessions: {secret: {file: own/environ}}',
    'listen: {tls: {cert: {file: /dev/stdin}, key: {file: /proc/self/environ}}}',
  ]) {
    t.ok(errors(`${block}\n${proxy(url)}`).includes('gateway.yaml:2 GH1026'), block)
  }
})

t.test('a file in /proc, /sys or /dev is not even read', async t => {
  const { files } = loadAll(header('file: own/self/environ'))
  t.same(files, [join(home, 'gateway.yaml')])
  for (const include of ['/proc/self/environ', '/proc/*/environ', '/dev/zero', 'own/environ', 'own/self/*']) {
    const { files, directories, diagnostics } = loadAll(`include: ["${include}"]\n${proxy(url)}`)
    t.same([files, directories], [[join(home, 'gateway.yaml')], []], include)
    t.equal(diagnostics[0]?.code, 'GH1026', include)
  }
  t.ok(errors(`revocations: own/environ\n${proxy(url)}`).includes('gateway.yaml:2 GH1380'))
})

t.test('the object form of an include item cannot allow /proc, /sys or /dev', async t => {
  const include =
    'include: [{path: teams/a.yaml, owns: ["*"], files: ["/*", "*"], env: ["*"], hosts: ["*"]}]\n'
  t.same(errors(include, header('file: /proc/self/environ')), ['teams/a.yaml:1 GH1026'])
})

const own: Record<string, [block: string, references: string[]]> = {
  'the pepper': ['pepper: {env: PEPPER}', ['env: PEPPER', 'env: PEPPER_AGAIN', 'env: BEARER']],
  'the secret of sessions': ['sessions: {secret: {env: SESSION}}', ['env: SESSION']],
  'the secret of sessions in a file': [
    'sessions: {secret: {file: own/session}}',
    [
      'file: own/session',
      'file: ./own/../own/session',
      `file: ${home}/own/session`,
      'file: own/session-link',
      'file: own/session-hard',
      'file: own/copy',
    ],
  ],
  'the private key of the listener': [
    'listen: {tls: {cert: {file: own/other}, key: {env: TLS_KEY}}}',
    ['env: TLS_KEY', 'file: own/tls.key', 'file: own/tls-again.key'],
  ],
}

t.test("the gateway's own secrets could be sent elsewhere", async t => {
  for (const [what, [block, references]] of Object.entries(own)) {
    for (const [name, place] of Object.entries(places)) {
      for (const reference of references) {
        const main = errors(`${block}\n${place(reference)}`)
        t.ok(
          main.some(one => one.endsWith(' GH1360')),
          `${what}, ${reference} as ${name}: ${main.join(', ')}`,
        )
        const text = place(reference.replace(/file: (?:\.\/)?own/, 'file: ../own'))
        t.match(errors(`include: [teams/a.yaml]\n${block}`, text).join(', '), /teams\/a.yaml:\d GH1360/)
      }
    }
  }
})

t.test("the gateway's own secrets could be part of a text", async t => {
  const texts = [
    proxy('url: "https://evil.example.com/${PEPPER}"'),
    proxy('url: "https://evil.example.com/?k=${PEPPER:-none}"'),
    proxy('url: "https://${PEPPER_AGAIN}.example.com/"'),
    proxy(`${url}, headers: {X-Note: {value: "a \${PEPPER}"}}`),
    proxy(`${url}, query: {note: {value: "\${PEPPER_AGAIN}"}}`),
    `proxies: {a: {description: "\${PEPPER}", auth: none, upstream: {${url}}}}`,
    proxy(
      `${url}, auth: {type: client-credentials, tokenUrl: "https://evil.example.com/\${PEPPER}", clientId: g, clientSecret: {env: OTHER}}`,
    ),
    `auth: {sso: {type: jwt, issuer: "https://\${PEPPER}.example.com", audiences: [a]}}\n${proxy(url)}`,
  ]
  for (const text of texts) {
    const found = errors(`include: [teams/a.yaml]\npepper: {env: PEPPER}`, text)
    t.ok(
      found.some(one => one.startsWith('teams/a.yaml:1 GH1360')),
      `${text}: ${found.join(', ')}`,
    )
  }
})

t.test('a CA may verify in both directions, and other secrets may go upstream', async t => {
  const both = errors(
    `listen: {tls: {cert: {file: own/other}, key: {env: TLS_KEY}, clientCa: {file: own/other}}}\n${proxy(`${url}, tls: {ca: {file: own/other}}`)}`,
  )
  t.notMatch(both.join(), /GH1360/)
  t.same(
    errors(`pepper: {env: PEPPER}\nsessions: {secret: {file: own/session}}\n${header('env: OTHER')}`),
    [],
  )
})

t.test('a fragment could refer to files outside the folder of the main file', async t => {
  const plain = 'include: [teams/a.yaml]\n'
  for (const file of [
    '../../outside/key',
    `${folder}/outside/key`,
    '../own/outside',
    '../own/elsewhere/key',
  ]) {
    t.same(errors(plain, header(`file: ${file}`)), ['teams/a.yaml:1 GH1027'], file)
  }
  t.same(errors(plain, header('file: ../own/other')), [])
  t.same(errors(header(`file: ${folder}/outside/key`)), [], 'the main file may')
  const allowed = `include: [{path: teams/a.yaml, owns: [a], hosts: [tools.example.com], files: ["${folder}/outside/*"]}]\n`
  t.same(errors(allowed, header(`file: ${folder}/outside/key`)), [])
})

t.test('a link that a pattern matches could make any file a fragment', async t => {
  mkdirSync(join(home, 'linked'), { recursive: true })
  symlinkSync('../../outside/team.yaml', join(home, 'linked/team.yaml'))
  symlinkSync('../teams/a.yaml', join(home, 'linked/within.yaml'))
  put('teams/a.yaml', 'roles: {}\n')
  t.same(errors(`include: ["linked/*.yaml"]\n${proxy(url)}`), ['gateway.yaml:2 GH1028'])
  t.same(errors(`include: ["linked/w*.yaml"]\n${proxy(url)}`), [])
  t.same(errors(`include: ["linked/team.yaml"]\n${proxy(url)}`), [], 'the main file names it')
  t.same(errors(`include: ["../outside/*.yaml"]\n${proxy(url)}`), [], 'the main file names the folder')
})

t.test('one body could fill the memory', async t => {
  const sizes: [string, boolean][] = [
    ['64MiB', true],
    ['65536KiB', true],
    ['65537KiB', false],
    ['67108865B', false],
    ['65MiB', false],
    ['1GiB', false],
    ['1024GiB', false],
  ]
  for (const [size, fine] of sizes) {
    const text = `proxies: {a: {auth: none, maxBody: ${size}, upstream: {${url}}}}`
    t.same(errors(text), fine ? [] : ['gateway.yaml:2 GH1361'], size)
    t.same(errors('include: [teams/a.yaml]', text), fine ? [] : ['teams/a.yaml:1 GH1361'], size)
  }
})

t.test('an auth method for keys could withhold a header of the protocol from everybody', async t => {
  const api = (name: string): string => `auth: {k: {type: api-key, in: header, name: ${name}}}\n${proxy(url)}`
  const certificate = (name: string): string =>
    `auth: {m: {type: mtls, grants: [{when: {san: a}, roles: [r]}], from: {header: ${name}, proxies: [127.0.0.1], ca: {file: own/other}}}}\nroles: {r: {access: {}}}\n${proxy(url)}`
  const refused = `MCP-Protocol-Version mcp-protocol-version Mcp-Session-Id Mcp-Method Mcp-Name Mcp-Param-Region
    Accept ACCEPT Accept-Encoding Accept-Language Host Content-Type Content-Length Content-Encoding Origin Cookie
    Connection Keep-Alive Transfer-Encoding Upgrade TE Trailer Expect Last-Event-ID Proxy-Authorization User-Agent
    Range If-None-Match Cache-Control Sec-Fetch-Site Access-Control-Request-Method traceparent tracestate`
  for (const name of refused.split(/\s+/)) {
    t.ok(errors(api(name)).includes('gateway.yaml:2 GH1309'), `a key in ${name}`)
    t.ok(errors(certificate(name)).includes('gateway.yaml:2 GH1309'), `a certificate in ${name}`)
  }
  for (const name of ['Authorization', 'X-API-Key', 'Api-Key', 'X-Auth-Token']) {
    t.notMatch(errors(api(name)).join(), /GH1309/, name)
  }
  for (const name of ['X-Client-Cert', 'Client-Cert', 'X-Forwarded-Client-Cert', 'ssl-client-cert']) {
    t.notMatch(errors(certificate(name)).join(), /GH1309/, name)
  }
  t.ok(errors(certificate('Authorization')).includes('gateway.yaml:2 GH1309'))
  t.notMatch(
    errors(`auth: {k: {type: api-key, in: query, name: accept}}\n${proxy(url)}`).join(),
    /GH1309/,
    'a query parameter is not a header',
  )
})

/** Returns a hash with these parameters; the number makes it unique. */
const slow = (index: number, parameters = 'm=19456,t=2,p=1'): string =>
  `argon2id:$argon2id$v=19$${parameters}$MDEyMzQ1Njc4OWFiY2RlZg$${Buffer.alloc(32, index + 1)
    .toString('base64')
    .replace('=', '')}`
/** Returns a key for each hash. */
const keys = (hashes: string[], name = 'k'): string =>
  `keys: {${hashes.map((hash, index) => `${name}${index}: {roles: [r], secrets: [{hash: "${hash}"}]}`).join(', ')}}\n`
const reader = 'roles: {r: {access: {}}}\n'

t.test('one fragment could use up the budget of slow hashes', async t => {
  const many = (count: number, parameters?: string, from = 0): string[] =>
    Array.from({ length: count }, (_, index) => slow(from + index, parameters))
  const main = `include: [teams/a.yaml]\n${reader}${proxy(url)}\n`
  t.same(errors(main, keys(many(4))), [])
  t.same(errors(main, keys(many(5))), ['teams/a.yaml:1 GH1362'])
  t.same(errors(main, keys(many(16))), ['teams/a.yaml:1 GH1362'])
  t.same(errors(main, keys(many(17))), ['teams/a.yaml:1 GH1362'], 'no other file is reported')
  t.same(errors(main, keys(many(1, 'm=262144,t=3,p=1'))), [])
  t.same(errors(main, keys(many(1, 'm=262144,t=4,p=1'))), ['teams/a.yaml:1 GH1362'])
  t.same(errors(`${reader}${keys(many(16))}${proxy(url)}`), [])
  t.same(errors(`${reader}${keys(many(17))}${proxy(url)}`), ['gateway.yaml:3 GH1345'])
  t.same(errors(`${reader}${keys(many(16, 'm=65536,t=3,p=4'))}${proxy(url)}`), [])
  t.same(errors(`${reader}${keys(many(2, 'm=262144,t=10,p=1'))}${proxy(url)}`), ['gateway.yaml:3 GH1362'])
  t.same(
    errors(
      `include: [teams/a.yaml]\n${reader}${keys(many(16), 'm')}${proxy(url)}`,
      keys(many(1, undefined, 20)),
    ),
    ['teams/a.yaml:1 GH1345'],
  )
})

t.test(
  'a no-break or zero-width space as indentation was reported as another mistake, elsewhere',
  async t => {
    const before = 'proxies:\n  mock:\n    auth: none\n'
    const line = `upstream: {url: "${url}"}\n`
    for (const blank of ['\u00a0', '\u200b', '\u2003', '\u3000', '\ufeff', '\u00ad']) {
      const code = blank.charCodeAt(0).toString(16).padStart(4, '0')
      for (const indentation of [
        `${blank}${line}`,
        `    ${blank}${line}`,
        `  ${blank} ${blank}${line}`,
        `    upstream:${blank}{url: x}\n`,
      ])
        t.same(errors(`${before}${indentation}`), ['gateway.yaml:5 GH1004'], `U+${code}: ${indentation}`)
      t.same(
        errors(
          `roles:\n  r:\n    access:\n      mock:\n        tools:\n          allow:\n          -${blank}a\n${proxy(url)}`,
        ),
        ['gateway.yaml:8 GH1004'],
        code,
      )
      const text = `a${blank}b\n    ${blank}c:${blank}d\n`
      for (const written of [`|\n    ${text}`, `"${text.trimEnd()}"\n`, text])
        t.same(
          errors(`roles:\n  r:\n   access: {}\n   description: ${written}${proxy(url)}`),
          [],
          `text with U+${code}: ${written}`,
        )
    }
  },
)

t.test('a field of another type of auth method threw an error', async t => {
  for (const [field, value] of [
    ['grants', 'text'],
    ['grants', '{a: 1}'],
    ['audiences', '1'],
    ['introspection', 'text'],
    ['from', '[1]'],
    ['issuer', '{}'],
  ]) {
    for (const type of ['api-key', 'jwt', 'mtls', 'unknown']) {
      const text = `auth: {k: {type: ${type}, ${field}: ${value}}}\n${proxy(url)}`
      t.ok(errors(text).length > 0, `${type} with ${field}: ${value}`)
    }
  }
})

t.test('two listeners with the same port were valid, and failed at the start', t => {
  const errorsOf = (listen: string, admin: string): string[] =>
    errors(
      [
        ...(listen === '' ? [] : [`listen: {address: "${listen}"}`]),
        ...(admin === '' ? [] : [`admin: {address: "${admin}"}`]),
        proxy(url),
        '',
      ].join('\n'),
    )
  for (const [listen, admin, line] of [
    ['127.0.0.1:8080', '127.0.0.1:8080', 3],
    ['127.0.0.1:9090', '', 2],
    ['0.0.0.0:9090', '', 2],
    ['localhost:9090', '', 2],
    ['', '[::]:8080', 2],
    ['10.0.0.1:80', '0.0.0.0:80', 2],
    ['10.0.0.1:80', '10.0.0.2:80', 0],
    ['127.0.0.1:0', '127.0.0.1:0', 0],
    ['[::1]:9090', '', 0],
    ['', '', 0],
    ['a:b', 'a:b', 0],
  ] as const) {
    const found = errorsOf(listen, admin).filter(code => code.endsWith('GH1319'))
    t.same(found, line === 0 ? [] : [`gateway.yaml:${line} GH1319`], `${listen} ${admin}`)
  }
  t.end()
})
