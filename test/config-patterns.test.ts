import fc from 'fast-check'
import t from 'tap'
import { recognizeForeign } from '../gateway/config/patterns/foreign-pattern.ts'
import { suggestGlobs } from '../gateway/config/patterns/suggest-globs.ts'
import { matchGlob, parseGlob } from '../gateway/values/glob.ts'
import { loadText, loadTexts, oneProxy } from './fixtures/configuration.ts'

type Kind = 'tools' | 'prompts' | 'resources' | 'methods'

/** Returns code and help of the only diagnostic for a pattern; empty for none. */
function judge(kind: Kind, use: 'allow' | 'deny', pattern: string): [code: string, help: string] {
  const rules = JSON.stringify({ [kind]: { [use]: [pattern] } })
  const { diagnostics } = loadText(
    `version: 1\nproxies: {mock: {auth: none, upstream: {url: "http://127.0.0.1:1/mcp"}, ${rules.slice(1, -1)}}}\n`,
  )
  if (diagnostics.length > 1) throw new Error(`several diagnostics for ${pattern}`)
  const [{ code = '', help = '' } = {}] = diagnostics
  return [code, help]
}

/** Patterns of other languages, and the globs to write instead; none if the help does not say. */
const foreign: Record<Kind, Record<string, string[]>> = {
  tools: {
    '^get_.*$': ['get_*'],
    '^get_': ['get_*'],
    _delete$: ['*_delete'],
    '(?i)delete_.*': ['delete_*'],
    '/^get_/i': ['get_*'],
    '/delete/': ['*delete*'],
    'get_.*': ['get_*'],
    '.*_secret': ['*_secret'],
    '.*': ['*'],
    'get_.+': ['get_*'],
    'get_\\w+': ['get_*'],
    '\\d*_get': ['*_get'],
    '[a-z]+_secret': ['*_secret'],
    'get_[^a]*': [],
    '[gs]et_*': ['get_*', 'set_*'],
    '{get,list}_*': ['get_*', 'list_*'],
    '{a,b}_{c,d}': ['a_c', 'a_d', 'b_c', 'b_d'],
    'get_{name}': ['get_*'],
    'get_<name>': ['get_*'],
    'get_*|list_*': ['get_*', 'list_*'],
    '(get|list)_*': ['get_*', 'list_*'],
    '@(get|list)_*': ['get_*', 'list_*'],
    'get_*, list_*': ['get_*', 'list_*'],
    'get_*;list_*': ['get_*', 'list_*'],
    'get_* list_*': ['get_*', 'list_*'],
    'delete_user,delete_all': ['delete_user', 'delete_all'],
    ' get_*': ['get_*'],
    'get_* ': ['get_*'],
    'get_*\n': ['get_*'],
    'get_*\u00A0': ['get_*'],
    '\u200Bget_*': ['get_*'],
    '"get_*"': ['get_*'],
    '“get_*”': ['get_*'],
    'get_＊': ['get_*'],
    'delete_%': ['delete_*'],
    '%secret%': ['*secret*'],
    're:^get_.*$': ['get_*'],
    'regex:delete_.*': ['delete_*'],
    'glob:delete_*': ['delete_*'],
    '~ ^delete_': ['delete_*'],
  },
  prompts: {
    '^get_.*$': ['get_*'],
    '{get,list}_*': ['get_*', 'list_*'],
    '[gs]et_*': ['get_*', 'set_*'],
    'get_*|list_*': ['get_*', 'list_*'],
    'get_*, list_*': ['get_*', 'list_*'],
    'get_* ': ['get_*'],
  },
  resources: {
    '^file:///.*$': ['file:///*'],
    '.*secret.*': ['*secret*'],
    'https?://x/*': ['http://x/*', 'https://x/*'],
    'file:///a/*|file:///b/*': ['file:///a/*', 'file:///b/*'],
    'file:///a/*, file:///b/*': ['file:///a/*', 'file:///b/*'],
    ' file:///*': ['file:///*'],
    'file:///C:\\Users\\*': [],
  },
  methods: {
    '^tasks/.*$': ['tasks/*'],
    'tasks/.*': ['tasks/*'],
    'tasks/{get,list}': ['tasks/get', 'tasks/list'],
    'tasks/*, events/*': ['tasks/*', 'events/*'],
  },
}

t.test('a deny in the language of a shell, a regular expression or SQL denied nothing, silently', async t => {
  for (const [kind, patterns] of Object.entries(foreign) as [Kind, Record<string, string[]>][]) {
    for (const [pattern, globs] of Object.entries(patterns)) {
      for (const [use, expected] of [
        ['deny', 'GH1350'],
        ['allow', 'GH1430'],
      ] as const) {
        const [code, help] = judge(kind, use, pattern)
        t.equal(code, expected, `${kind} ${use} ${pattern}`)
        const written = globs.map(glob => `\`${glob}\``)
        const last = written.pop() ?? 'use only'
        t.ok(help.includes(written.length === 0 ? last : `${written.join(', ')} and ${last}`), help)
      }
    }
  }
})

t.test('an exception with an exclamation mark was no exception, silently', async t => {
  t.match(judge('tools', 'allow', '!delete_*'), ['GH1430', /^write `delete_\*` under `deny`$/])
  t.match(judge('tools', 'deny', '!get_*'), ['GH1350', /^write `get_\*` under `allow`/])
  t.match(judge('tools', 'allow', '!(delete_*)'), ['GH1430', /`delete_\*` under `deny`$/])
  t.match(judge('resources', 'allow', '!file:///etc/*'), ['GH1430', /`file:\/\/\/etc\/\*` under `deny`$/])
})

t.test('what a name may contain after all is a warning, also in a deny', async t => {
  const doubtful: [Kind, string][] = [
    ['tools', 'delete user'],
    ['tools', 'Search (beta)'],
    ['tools', 'mcp__github__delete_*'],
    ['prompts', 'Hello, world'],
    ['prompts', '[internal] notes'],
    ['prompts', 'Review (draft) text'],
    ['resources', 'file:///app/[id]/*'],
    ['resources', 'file:///{a,b}'],
    ['resources', 'file:///a|b'],
    ['resources', '/etc/*'],
    ['resources', 'docs/*'],
    ['resources', 'secret.txt'],
  ]
  for (const [kind, pattern] of doubtful) {
    t.equal(judge(kind, 'deny', pattern)[0], 'GH1430', `${kind} ${pattern}`)
  }
})

t.test('globs, names of real servers, URIs and URI templates are no foreign patterns', async t => {
  const fine: Record<Kind, string[]> = {
    tools: ['*', 'get_*', 'get_?ser', 'admin.*', 'a.b-c_D', 'ns/tool', 'github:get_*', '*/delete', 'größe_*'],
    prompts: ['Review *', 'code review', 'What now?', "it's", 'gr?ße', '5-a'],
    resources: [
      '*',
      'file:///*',
      'file:///{path}',
      'file:///home/*/.*',
      'http://x/{id}/y{?q}',
      '{+url}',
      'http://[::1]:8080/*',
      'http://[fd00::*]/a',
      'db://t/rows?user=*',
      'file:///a%20b/*',
      'urn:isbn:*',
      'data:text/plain;base64,aGk=',
      'https://x/a,b;c=(d)$',
      'ui://*',
      'doc*',
      '*.md',
      'f?le:///x',
      'skill://a/SKILL.md',
    ],
    methods: ['tasks/*', 'notifications/*', '*'],
  }
  for (const [kind, patterns] of Object.entries(fine) as [Kind, string[]][]) {
    for (const pattern of patterns) t.equal(judge(kind, 'deny', pattern)[0], '', `${kind} ${pattern}`)
  }
})

t.test('a backslash says that a character is meant', async t => {
  const escaped: [Kind, string, string][] = [
    ['tools', '\\!important', '!important'],
    ['tools', 'get_\\{id\\}', 'get_{id}'],
    ['tools', 'a\\|b', 'a|b'],
    ['tools', '\\ a\\ ', ' a '],
    ['prompts', '\\[internal\\] *', '[internal] x'],
    ['resources', 'file:///\\[id\\]', 'file:///[id]'],
  ]
  for (const [kind, pattern, name] of escaped) {
    t.equal(judge(kind, 'deny', pattern)[0], '', pattern)
    t.ok(matchGlob(parseGlob(pattern), name), pattern)
  }
})

t.test('a name that MCP allows is never refused, and every suggestion is a glob', async () => {
  const subjects = ['name', 'prompt', 'uri', 'text', 'header'] as const
  const mcpName = fc.stringMatching(/^[A-Za-z0-9_.-]{1,128}$/)
  fc.assert(fc.property(mcpName, name => recognizeForeign(name, 'name')?.certain !== true))
  const signs = fc.constantFrom(...'!^$.*+?{}[](),;|%\\/: ~"_ab', '://', 're:', '.*', '\\d')
  const pattern = fc.array(signs, { minLength: 1, maxLength: 30 }).map(parts => parts.join(''))
  fc.assert(
    fc.property(pattern, fc.constantFrom(...subjects), (text, subject) =>
      suggestGlobs(text, subject).every(
        glob => parseGlob(glob).tokens.length > 0 && recognizeForeign(glob, subject) === undefined,
      ),
    ),
  )
})

t.test('patterns for scopes, claims, certificates and headers were not judged', async t => {
  const config = (auth: string, proxy: string): string[] =>
    loadText(
      `version: 1\nlisten: {publicUrl: "https://mcp.example.com"}\nroles: {r: {access: {}}}\nauth: {a: {${auth}}}\nproxies: {mock: {auth: [a], ${proxy}}}\n`,
      { allowMissingEnv: true },
    ).diagnostics.map(({ code }) => code)
  const upstream = 'upstream: {url: "http://127.0.0.1:1/mcp"}'
  const jwt = (claim: string): string =>
    `type: jwt, issuer: "https://idp.example.com", grants: [{when: {claims: {groups: ${claim}}}, roles: [r]}]`
  t.strictSame(config(jwt('x'), `scopes: {tools: {"get_*|list_*": [a]}}, ${upstream}`), ['GH1350'])
  for (const claim of ['"^team-.*$"', '["!x", y]', '"{a,b}"', '"re:x"', '"x "']) {
    t.strictSame(config(jwt(claim), upstream), ['GH1430'], claim)
  }
  for (const claim of [
    '"auth0|123"',
    '"/admins"',
    '"*@example.com"',
    '"CN=a,OU=b"',
    '"[x]"',
    "'DOMAIN\\group'",
  ]) {
    t.strictSame(config(jwt(claim), upstream), [], claim)
  }
  const mtls = (when: string): string =>
    `type: mtls, from: {proxies: ["::1"], ca: {env: CA}}, grants: [{when: {${when}}, roles: [r]}]`
  t.strictSame(config(mtls('san: "^spiffe://.*$"'), upstream), ['GH1430'])
  t.strictSame(config(mtls('san: "spiffe://x/*", subject: "CN=a-*,O=B"'), upstream), [])
  const included = (list: string, pattern: string): string[] =>
    loadTexts({
      'gateway.yaml':
        `version: 1\ninclude: [{path: a.yaml, owns: [a], ${list}: ["${pattern}"]}]\n${oneProxy}`.replace(
          'owns: [a], owns',
          'owns',
        ),
      'a.yaml': 'roles: {}',
    }).diagnostics.map(({ code }) => code)
  for (const list of ['owns', 'roles', 'env', 'files', 'hosts']) {
    t.strictSame(included(list, '{a,b}*'), ['GH1430'], list)
    t.strictSame(included(list, '!a'), ['GH1430'], list)
    t.strictSame(included(list, 'a**'), ['GH1306'], list)
    t.strictSame(included(list, 'a*'), [], list)
  }
  const forward = (name: string): string =>
    `upstream: {url: "http://127.0.0.1:1/mcp", forwardHeaders: ["X-*", "${name}"]}`
  t.strictSame(config(jwt('x'), forward('!X-Secret')), ['GH1430'])
  t.strictSame(config(jwt('x'), forward('^x-a')), ['GH1430'])
  t.strictSame(config(jwt('x'), forward('x-**')), ['GH1306'], 'which made the gateway fail')
})
