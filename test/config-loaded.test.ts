import { writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import t from 'tap'
import { load, type Loaded } from '../gateway/config/load.ts'
import { found, loadText, loadTexts, oneProxy, today } from './fixtures/configuration.ts'

const hash = 'sha256:b3c1f0a7d94e62585e0c7a31f6d8294bc05e9f7713ad48e6029b5cd1f4a86e37'

function shorten(folder: string, place: ReturnType<Loaded['locate']>): string | undefined {
  return place && `${relative(folder, place.file)}:${place.line}:${place.column}`
}

t.test('a valid configuration', async t => {
  const folder = t.testdir({
    'gateway.yaml': `version: 1
include: [teams/*.yaml]
listen: {address: "0.0.0.0:8080", publicUrl: https://mcp.example.com, drain: 0s}
auth: {team-keys: {type: api-key}}
sessions: {secret: {env: SESSION_SECRET}}
proxies:
  mock:
    auth: [team-keys]
    upstream:
      url: "\${UPSTREAM:-http://127.0.0.1:7878/mcp}"
      headers: {X-Api-Key: {file: secrets/mock}, X-Cost: {value: "$$5"}}
`,
    secrets: { mock: 'mock-secret\r\n' },
    teams: {
      secrets: { search: 'search-secret' },
      '.hidden.yaml': 'version: 9',
      'search.yaml': `# a team
keys:
  search-agent: {roles: [reader], secrets: [{hash: "${hash}"}]}
roles: {reader: {access: {"*": {tools: {allow: ["get_*"]}}}}}
proxies:
  search: {auth: none, upstream: {url: "http://127.0.0.1:7879/mcp", headers: {X-Key: {file: secrets/search}}}}
`,
      'empty.yaml': '# nobody yet\n',
    },
  })
  const env = { SESSION_SECRET: 's'.repeat(32) }
  const result = load(`${folder}/gateway.yaml`, { env, now: today })
  const { loaded } = result
  if (loaded === undefined) throw new Error(JSON.stringify(result.diagnostics))
  const { config, secrets } = loaded

  t.test('has its defaults filled in and its fragments merged', async t => {
    t.strictSame(result.diagnostics, [])
    t.equal(config.proxies['mock']?.maxBody, '4MiB')
    t.strictSame({ ...config.proxies['mock']?.upstream.timeout }, { connect: '2s', idle: '5m' })
    t.match(config.auth['team-keys'], { in: 'header', name: 'Authorization' })
    t.equal(config.admin.address, '127.0.0.1:9090')
    t.strictSame(Object.keys(config.proxies), ['mock', 'search'])
    t.equal(config.keys['search-agent']?.disabled, false)
  })
  t.test('has its variables replaced', async t => {
    t.equal(config.proxies['mock']?.upstream.url, 'http://127.0.0.1:7878/mcp')
    t.equal(config.proxies['mock']?.upstream.headers['X-Cost']?.value, '$5')
  })
  t.test(
    'finds secret files relative to the file that names them, and drops their final line break',
    async t => {
      const [mock, search] = ['mock', 'search'].map(
        name => Object.values(config.proxies[name]!.upstream.headers)[0]!,
      )
      t.equal(mock?.file, `${folder}/secrets/mock`)
      t.equal(secrets(mock!), 'mock-secret')
      t.equal(search?.file, `${folder}/teams/secrets/search`)
      t.equal(secrets(search!), 'search-secret')
      t.equal(secrets(config.sessions!.secret!), 's'.repeat(32))
      t.throws(() => secrets({ env: 'OTHER' }))
    },
  )
  t.test('lists the files and folders that it was read from', async t => {
    const names = [
      'gateway.yaml',
      'secrets/mock',
      'teams/empty.yaml',
      'teams/search.yaml',
      'teams/secrets/search',
    ]
    t.strictSame(result.files.map(file => relative(folder, file)).toSorted(), names)
    t.strictSame(result.directories, [`${folder}/teams`])
  })
  t.test('locates fields by pointer, also in fragments', async t => {
    t.equal(shorten(folder, loaded.locate('/keys/search-agent')), 'teams/search.yaml:3:3')
    t.equal(shorten(folder, loaded.locate('/roles/reader/access/*/tools/allow/0')), 'teams/search.yaml:4:49')
    t.equal(shorten(folder, loaded.locate('/proxies/mock/upstream/headers/X-Api-Key')), 'gateway.yaml:11:17')
    t.equal(
      shorten(folder, loaded.locate('/listen/timeout/request')),
      undefined,
      'a default was written nowhere',
    )
    t.equal(shorten(folder, loaded.locate('/proxies/nobody')), undefined)
  })
  t.test('is frozen, and its maps have no prototype', async t => {
    t.throws(() => Object.assign(config.proxies, { extra: {} }))
    t.throws(() => config.listen.allowedHosts.push('x'))
    t.equal((config.roles as Record<string, unknown>)['constructor'], undefined)
    const { roles } = loadText(`version: 1\n${oneProxy}`).loaded!.config
    t.equal((roles as Record<string, unknown>)['constructor'], undefined, 'nor in defaults')
  })
})

function revision(text: string, files: Record<string, string> = {}): string | undefined {
  return loadTexts({ key: 'one', 'gateway.yaml': text, ...files }).loaded?.revision
}

t.test('the revision', async t => {
  const text = `version: 1
auth: {a: {type: api-key}, b: {type: api-key, name: X-Key}}
proxies:
  mock: {auth: [a, b], upstream: {url: "http://127.0.0.1:7878/mcp", headers: {X-K: {file: key}}}}
`
  const first = revision(text)
  t.match(first, /^[0-9a-f]{12}$/)
  const reordered = `# moved
proxies:
  mock:
    upstream: {headers: {X-K: {file: ./key}}, url: http://127.0.0.1:7878/mcp}
    maxBody: 4MiB
    auth: [a, b]
auth: {b: {name: X-Key, type: api-key}, a: {type: api-key}}
version: 1
`
  t.equal(revision(reordered), first, 'is that of the content, whatever the order and the comments')
  const [top, bottom] = text.split('proxies:')
  const fragments = { 'gateway.yaml': `${top}include: [p.yaml]\n`, 'p.yaml': `proxies:${bottom}`, key: 'one' }
  t.equal(loadTexts(fragments).loaded?.revision, first, 'does not depend on the files that things stand in')
  t.not(revision(text.replace('[a, b]', '[b, a]')), first, 'depends on the order of lists')
  t.not(revision(text.replace('key}}', 'other}}'), { other: 'one' }), first, 'depends on where secrets stand')
  t.not(revision(text.replace('7878', '7879')), first)
})

t.test('the revision revealed weak secrets: guesses could be checked offline', async t => {
  const text = `version: 1
include: [teams/a.yaml]
sessions: {secret: {env: SESSION}}
proxies:
  mock:
    auth: none
    upstream: {url: "http://127.0.0.1:7878/mcp", headers: {X-A: {file: key}, X-B: {env: B}, X-C: {file: /abs/key}}}
`
  const team = `proxies: {team: {auth: none, upstream: {url: "http://h/mcp", query: {k: {file: ../key}}}}}\n`
  const revisions = (secret: string): string | undefined => {
    const files = { key: secret, '/abs/key': secret, 'gateway.yaml': text, 'teams/a.yaml': team }
    return loadTexts(files, { env: { B: secret, SESSION: secret.repeat(32) } }).loaded?.revision
  }
  t.match(revisions('1'), /^[0-9a-f]{12}$/)
  t.equal(revisions('1'), revisions('2'))
})

t.test('the revision does not depend on the folder of the file', async t => {
  const text =
    'version: 1\nproxies: {m: {auth: none, upstream: {url: "http://h/mcp", headers: {X-A: {file: KEY}}}}}\n'
  const parent = t.testdir({ one: {}, two: {}, key: 'x' })
  const folders = [join(parent, 'one'), join(parent, 'two')]
  for (const file of ['key', '../key']) {
    const revisions = folders.map(folder => {
      writeFileSync(join(folder, 'key'), 'x')
      writeFileSync(join(folder, 'gateway.yaml'), text.replace('KEY', file))
      return load(join(folder, 'gateway.yaml'), { env: {}, now: new Date() }).loaded?.revision
    })
    t.match(revisions[0], /^[0-9a-f]{12}$/)
    t.equal(revisions[0], revisions[1], file)
  }
})

t.test('variables and secret files may be absent in a check of a pull request', async t => {
  const text = `version: 1
listen: {publicUrl: "\${PUBLIC_URL}"}
sessions: {secret: {env: SESSION_SECRET}}
proxies:
  mock:
    auth: none
    upstream: {url: "http://\${HOST}/mcp", headers: {X-Key: {file: gone}, X-Other: {env: EMPTY}, X-Bad: {env: "\${BAD}"}}}
`
  const strict = ['2:21 GH1101', '3:26 GH1103', '7:21 GH1101', '7:67 GH1104', '7:89 GH1103', '7:110 GH1101']
  t.strictSame(found(loadText(text, { env: { EMPTY: '' } })), strict)
  t.strictSame(found(loadText(text, { env: { EMPTY: '' }, allowMissingEnv: true })), ['7:89 GH1103'])
  const { loaded } = loadText(text, { env: { EMPTY: 'filled' }, allowMissingEnv: true })
  t.strictSame(loaded?.missing.toSorted(), ['/config/gone', 'BAD', 'HOST', 'PUBLIC_URL', 'SESSION_SECRET'])
  t.throws(() => loaded?.secrets({ env: 'SESSION_SECRET' }))
  t.equal(loaded?.config.proxies['mock']?.upstream.url, 'http://${HOST}/mcp', 'text stays as it was written')
})

function draining(name: string): string {
  return `version: 1\nlisten: {drain: "\${${name}}"}\n${oneProxy}`
}

t.test('variables are read, but not properties that the environment object inherits', async t => {
  const env = Object.assign(Object.create({ INHERITED: 'x' }) as Record<string, string>, { OWN: '7s' })
  t.strictSame(found(loadText(draining('OWN'), { env })), [])
  t.strictSame(found(loadText(draining('INHERITED'), { env })), ['2:17 GH1101'])
  t.strictSame(found(loadText(draining('constructor'), { env: process.env })), ['2:17 GH1101'])
})

t.test('the value of a variable is text, whatever it looks like', async t => {
  const env = { INJECTED: '10s\nadmin: {address: "0.0.0.0:1"}', NESTED: '${OTHER}' }
  const { diagnostics } = loadText(`version: 1\nlisten: {drain: "\${INJECTED}"}\n${oneProxy}`, { env })
  t.match(diagnostics, [{ code: 'GH1205', path: '/listen/drain' }])
  const nested = loadText(`version: 1\nlisten: {drain: "\${NESTED}"}\n${oneProxy}`, { env })
  t.strictSame(found(nested), ['2:17 GH1205'], 'and is not looked at again')
})

t.test('a secret file', async t => {
  const text = `version: 1
proxies: {mock: {auth: none, upstream: {url: "http://x/mcp", headers: {X-K: {file: key}, X-L: {file: ./key}}}}}
`
  const codes = (key: string | Buffer) => found(loadTexts({ 'gateway.yaml': text, key }))
  t.strictSame(codes('fine\n'), [])
  t.strictSame(codes('fine\n\n'), ['2:77 GH1311', '2:95 GH1311'], 'ends with one line break at most')
  t.strictSame(codes(Buffer.from([0xff])), ['2:84 GH1104', '2:102 GH1104'], 'is text')
  t.strictSame(codes('grün'), ['2:77 GH1311', '2:95 GH1311'], 'is what a header can carry')
  let reads = 0
  const readFile = (path: string) => {
    if (path === '/config/key') reads += 1
    return Buffer.from(path === '/config/key' ? 'fine' : text)
  }
  t.strictSame(loadText(text, { readFile }).diagnostics, [])
  t.equal(reads, 1, 'is read once, so that all who name it get the same')
})

t.test('the length of the session secret does not include its line break', async t => {
  const text = `version: 1\nsessions: {secret: {file: key}}\n${oneProxy}`
  t.strictSame(found(loadTexts({ 'gateway.yaml': text, key: `${'s'.repeat(31)}\n` })), ['2:20 GH1105'])
  t.strictSame(found(loadTexts({ 'gateway.yaml': text, key: `${'s'.repeat(32)}\n` })), [])
})

t.test('includes', async t => {
  const folder = t.testdir({
    'gateway.yaml': `version: 1\ninclude: ["teams/*/access.yaml", "teams/**/x.yaml", "./more.yaml"]\n${oneProxy}`,
    'more.yaml': 'keys:\n  - x\n',
    teams: { a: { 'access.yaml': 'roles: {a: {access: {}}}' }, b: {}, 'c.yaml': 'not: this' },
  })
  const { diagnostics, directories, files } = load(`${folder}/gateway.yaml`, { env: {}, now: today })
  t.match(diagnostics, [
    { code: 'GH1306', line: 2, column: 34 },
    { code: 'GH1203', file: `${folder}/more.yaml`, line: 2, column: 3 },
  ])
  const names = (paths: string[]) => paths.map(path => relative(folder, path)).toSorted()
  t.strictSame(names(directories), ['teams', 'teams/a', 'teams/b'])
  t.strictSame(names(files), ['gateway.yaml', 'more.yaml', 'teams/a/access.yaml'])
})

t.test('an alias has the value of the nearest anchor above it', async t => {
  const text = `version: 1
proxies:
  a: {auth: none, maxBody: &size 1MiB, upstream: &up {url: "http://x/mcp"}}
  b: &b {auth: none, maxBody: *size, upstream: *up}
  c: {auth: none, maxBody: &size 2MiB, upstream: *up}
  d: *b
  e: {auth: none, maxBody: *size, upstream: *up}
`
  const { proxies } = loadText(text).loaded!.config
  const sizes = Object.values(proxies).map(proxy => proxy.maxBody)
  t.strictSame(sizes, ['1MiB', '1MiB', '2MiB', '1MiB', '2MiB'])
})

t.test('a thousand fragments and a thousand aliases are accepted', async t => {
  const fragments = Array.from({ length: 1000 }, (_, index) => [
    `t${index}.yaml`,
    `roles: {r${index}: {access: {}}}`,
  ])
  const names = fragments.map(([name]) => `/config/${name}`)
  const shared = Array.from({ length: 1000 }, (_, index) => `  s${index}: {access: {mock: *rules}}`).join(
    '\n',
  )
  const main = `version: 1
include: ["*.yml"]
roles:
  first: {access: {mock: &rules {tools: {allow: [a, b, c, d, e, f, g, h]}}}}
${shared}
${oneProxy}`
  const texts = { ...(Object.fromEntries(fragments) as Record<string, string>), 'gateway.yaml': main }
  const result = loadTexts(texts, { glob: () => ({ files: names, directories: ['/config'] }) })
  t.strictSame(found(result), [])
  t.equal(Object.keys(result.loaded!.config.roles).length, 2001)
})

t.test('loading reads only the environment that it is given', async t => {
  const read: string[] = []
  const real = process.env
  process.env = new Proxy(real, { get: (_, name) => void read.push(String(name)) })
  try {
    t.ok(loadText(`version: 1\nlisten: {drain: "\${HOME:-5s}"}\n${oneProxy}`).loaded)
  } finally {
    process.env = real
  }
  // The YAML parser reads variables for its own debugging.
  t.strictSame(
    read.filter(name => !['LOG_TOKENS', 'LOG_STREAM'].includes(name)),
    [],
  )
})
