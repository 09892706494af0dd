import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { decide } from '../gateway/access/decide.ts'
import { anonymous } from '../gateway/auth/principal.ts'
import { resolveDotSegments } from '../gateway/access/uri-parts.ts'
import { variantsOf } from '../gateway/access/uri-variants.ts'
import { compileAccess } from '../gateway/access/rules.ts'
import { compileScopes, scopesFor } from '../gateway/access/scopes.ts'

/** The resources that parsers of four languages make of each URI: a server would look these up. */
const recorded = JSON.parse(readFileSync(join(import.meta.dirname, 'data/uri-parsers.json'), 'utf8')) as {
  uris: Record<string, Record<string, string[]>>
  /** URIs that begin like one in a public folder, as more functions of the same parsers read them. */
  belowPublic: Record<string, Record<string, string[]>>
}

function judge(rules: { allow?: string[]; deny?: string[] }): (uri: string) => boolean {
  const role = { access: { main: { resources: { deny: [], ...rules } } } }
  const proxy = compileAccess('main', { auth: ['keys'] }, { reader: role })
  const principal = { ...anonymous, kind: 'key' as const, name: 'agent', roles: ['reader'] }
  return name => decide(proxy, principal, { method: 'resources/read', kind: 'resource', name }).allow
}

const literally = (text: string): string => text.replaceAll(/[\\*?]/g, '\\$&')

t.test('a rule denies a URI however the parser of another language reads it', async t => {
  let compared = 0
  const passed: string[] = []
  for (const [uri, byParser] of Object.entries(recorded.uris)) {
    for (const [parser, resources] of Object.entries(byParser)) {
      for (const resource of resources) {
        compared++
        if (judge({ allow: ['*'], deny: [literally(resource)] })(uri)) passed.push(`${parser}: ${uri}`)
      }
    }
  }
  t.same(passed, [])
  t.ok(compared > 2000, String(compared))
})

t.test('a URI is not allowed if some parser reads it as one that is not allowed', async t => {
  const allow = ['file:///public/*', 'docs://team/public/*', 'https://api.example/public/*']
  const may = judge({ allow })
  const outside = /^(?:file:\/\/\/|docs:\/\/team\/|https:\/\/api\.example\/)(?!public\/)./
  const passed = Object.entries(recorded.uris).filter(
    ([uri, byParser]) =>
      may(uri) &&
      Object.values(byParser)
        .flat()
        .some(resource => outside.test(resource)),
  )
  t.same(
    passed.map(([uri]) => uri),
    [],
  )
})

t.test('no URI leads out of the allowed folder, or to the denied files in it', async t => {
  const may = judge({ allow: ['file:///public/*'], deny: ['file:///public/secret*'] })
  let compared = 0
  const passed: string[] = []
  for (const [uri, byParser] of Object.entries(recorded.belowPublic)) {
    for (const [parser, resources] of Object.entries(byParser)) {
      for (const resource of resources) {
        // A folder is the same with and without its slash.
        if (`${resource}/`.startsWith('file:///public/') && !resource.startsWith('file:///public/secret'))
          continue
        compared++
        if (may(uri)) passed.push(`${parser}: ${uri}`)
      }
    }
  }
  t.same(passed, [])
  t.ok(compared > 900, String(compared))
})

t.test(
  'dot segments after a question mark or hash count for servers to which these are ordinary characters',
  async t => {
    const may = judge({ allow: ['file:///public/*'], deny: ['file:///public/secret*'] })
    for (const mark of ['?', '#', '?x#', '%3f', '%23', '#%', '?%2e', '?a=b']) {
      for (const up of [
        '/../',
        '/%2e%2e/',
        '%2f..%2f',
        '\\..\\',
        '%5c..%5c',
        '/..//',
        '%252f%252e%252e%252f',
      ]) {
        t.notOk(may(`file:///public/a${mark}${up}secret`), mark + up)
        t.notOk(may(`file:///public/a${mark}${up}../etc/passwd`), mark + up)
      }
    }
    for (const query of ['?u=https://x.example/a//b', '?q=a/b', '?q=...', '?v=1.2/3.4', '#a/b', '?q=..']) {
      t.ok(may(`file:///public/a${query}`), query)
    }
  },
)

t.test('a slash at the end does not bypass a rule for a folder', async t => {
  const may = judge({ allow: ['docs://t/*', 'x://h/s/?q=*'], deny: ['docs://t/secret'] })
  for (const end of ['/', '//', '/.', '/x/..', '%2f', '/?q', '/#a', '\\']) {
    t.notOk(may(`docs://t/secret${end}`), end)
  }
  for (const uri of [
    'docs://t/',
    'docs://t/public/',
    'docs://t/public/?q=1',
    'docs://t/public/#a',
    'x://h/s/?q=1',
  ]) {
    t.ok(may(uri), uri)
  }
  t.ok(judge({ allow: ['docs://t/public/*'] })('docs://t/public/'))
})

t.test('a rule may be encoded, or spell its host in another way than parsers do', async t => {
  for (const [deny, ...uris] of [
    ['docs://t/gr%c3%bc*', 'docs://t/grün', 'docs://t/gr%C3%BCn', 'docs://t/gr%c3%bcn'],
    ['docs://t/%73ecret', 'docs://t/secret', 'docs://t/%73ecret', 'docs://t/x/../secret'],
    ['docs://t%2fsecret*', 'docs://t/secret'],
    ['docs://t/100%25', 'docs://t/100%', 'docs://t/100%25'],
    ['docs://t/a%2ab', 'docs://t/a*b', 'docs://t/a%2Ab'],
    ['DOCS://Team/secret', 'docs://team/secret', 'docs://Team/secret'],
    ['http://bücher.example/*', 'http://xn--bcher-kva.example/x', 'http://BÜCHER.example/x'],
    ['http://h:80/*', 'http://h/x', 'HTTP://H:80/x'],
    ['file://localhost/etc/*', 'file:///etc/x', 'file:/etc/x'],
  ] as const) {
    for (const uri of uris) t.notOk(judge({ allow: ['*'], deny: [deny] })(uri), `${uri} of ${deny}`)
    const scopes = compileScopes({ required: [], tools: {}, prompts: {}, resources: { [deny]: ['s'] } })
    for (const name of uris)
      t.same(scopesFor(scopes, { method: 'resources/read', kind: 'resource', name }), ['s'])
  }
  for (const [allow, ...uris] of [
    ['docs://t/gr%c3%bc%c3%9fe', 'docs://t/grüße', 'docs://t/gr%c3%bc%c3%9fe', 'docs://t/gr%C3%BC%C3%9Fe'],
    ['docs://t/user%40example.com', 'docs://t/user%40example.com', 'docs://t/user@example.com'],
    ['docs://t/a%20b/*', 'docs://t/a%20b/c', 'docs://t/a b/c'],
    ['http://Example.com/*', 'http://Example.com/x'],
    ['http://h:80/*', 'http://h:80/x'],
    ['http://bücher.example/*', 'http://bücher.example/x'],
    ['http://*.Example.com/*', 'http://a.Example.com/x'],
    ['postgres://Reader@db/*', 'postgres://Reader@db/x'],
  ] as const) {
    for (const uri of uris) t.ok(judge({ allow: [allow] })(uri), `${uri} of ${allow}`)
  }
  for (const [allow, uri] of [
    ['docs://t/a%2f*', 'docs://t/a/x'],
    ['docs://t/a%2a', 'docs://t/abc'],
    ['docs://t/a%3f', 'docs://t/ab'],
    ['http://good%40evil/*', 'http://good@evil/x'],
    ['docs://t/a%5c%2a', 'docs://t/a/x'],
    ['docs://Team/*', 'docs://team/x'],
    ['postgres://Reader@db/*', 'postgres://reader@db/x'],
    ['http://Reader@h/*', 'http://reader@h/x'],
  ] as const) {
    t.notOk(judge({ allow: [allow] })(uri), `${uri} of ${allow}`)
  }
})

t.test('one malformed escape does not stop the others from being judged', async t => {
  const may = judge({ allow: ['file:///public/*'], deny: ['file:///public/secret*'] })
  for (const uri of [
    'file:///public/%73ecret.txt#%',
    'file:///public/..%2fetc%2fpasswd#%',
    'file:///public/%%73ecret/../secret.txt',
    'file:///public/%zz/..%2f%73ecret.txt',
    'file:///public/%73ecret.txt?%c3',
    'file:///public/%2573ecret.txt%',
    'file:///public/%252573ecret.txt',
    'file:///public/x;y/..;z/..%2fsecret.txt%',
    'file:///public/..;/etc/passwd',
    'file:///public\\..\\etc\\passwd#%',
    'file://other/public/secret.txt',
    'file://user@other/public/secret.txt',
    'file:///public/a%00/../secret.txt',
  ]) {
    t.notOk(may(uri), uri)
  }
})

t.test('an ambiguous URI is refused', async t => {
  const may = judge({ allow: ['*'] })
  for (const uri of [
    'file:///public/caf%E9',
    'file:///public/%c0%ae%c0%ae/secret',
    'file:///public/a%00.png',
    'file:///public/%u0073ecret',
    'file:///public/a%0A.png',
    'file:///public/a%0d%0Ab?x',
    'docs://t/a%2509b',
    'docs://t%0a/a',
    'docs://t/a%7F',
    'docs://t/a?q=%1b',
    'docs://t/a#%08',
    'urn:a%01',
    'file:///public/%252525252573ecret',
  ]) {
    t.equal(variantsOf(uri), undefined, uri)
    t.notOk(may(uri), uri)
  }
  const proxy = compileAccess('main', { auth: 'none' }, {})
  const operation = { method: 'resources/read', kind: 'resource', name: 'file:///caf%E9' } as const
  t.ok(decide(proxy, anonymous, operation).allow, 'without rules there is nothing to bypass')
  const scopes = compileScopes({
    required: [],
    tools: {},
    prompts: {},
    resources: { 'file:///caf*': ['a'], 'x:*': ['b'] },
  })
  t.same(scopesFor(scopes, operation), ['a', 'b'])
})

t.test('a pattern allows no file by the text of its query or fragment', async t => {
  const may = judge({ allow: ['file:///*.md', 'db://t/rows\\?user=bob*', 'http://u@h/*'] })
  for (const uri of [
    'file:///etc/passwd?.md',
    'file:///etc/passwd#.md',
    'file:///etc/passwd;.md',
    'file:///etc/passwd%23.md',
    'file:///etc/passwd%3F.md',
  ]) {
    t.notOk(may(uri), uri)
  }
  t.notOk(judge({ allow: ['file:///???????????'] })('file:///etc/passwd#'))
  for (const uri of ['file:///a/b.md', 'db://t/rows?user=bob%20b', 'http://u@h/a']) t.ok(may(uri), uri)
  t.notOk(judge({ allow: ['*'], deny: ['db://t/rows'] })('db://t/rows?user=bob'))
})

t.test('a URI with one meaning is allowed', async t => {
  for (const [pattern, uri] of [
    ['file:///public/*', 'file:///public/a%20b.txt?x=1#y'],
    ['https://x.example/*', 'https://x.example/s?q=a%2Fb+c&u=https%3A%2F%2Fy.example%2Fz%3Fa%3Db'],
    ['db://t/rows?user=*', 'db://t/rows?user=b%20c'],
    ['docs://Team/*', 'docs://Team/a'],
    ['postgres://u@h/*', 'postgres://u@h/t'],
    ['x://a//b', 'x://a//b'],
    ['file:///*', 'file:///C:/Users/x%20y/a;b.md'],
    ['skill://*', 'skill://Public/SKILL.md'],
    ['data:*', 'data:text/plain,a%0Ab'],
    ['docs://t/*', 'docs://t/a?text=one%0D%0A%09two#%0A'],
    ['https://x.example:8443/*', 'https://x.example:8443/a'],
    ['posts://{id}/*', 'posts://{id}/comments{?q}'],
    ['docs://team/*', 'docs://team/100%'],
    ['docs://team/grüße/*', 'docs://team/gr%C3%BC%C3%9Fe/a%20b'],
    ['urn:isbn:*', 'urn:isbn:0451450523'],
  ] as const) {
    t.ok(judge({ allow: [pattern] })(uri), uri)
  }
})

t.test('the variants of a long URI are bounded', async t => {
  for (const piece of [
    '%2e%2e/',
    '%25',
    '\\..//',
    '../',
    '//;',
    'a?#%2f',
    '%2f',
    '%41',
    '.',
    ':',
    '@',
    ';+?',
  ]) {
    const uri = `x://a/${piece.repeat(8000 / piece.length)}`
    const variants = variantsOf(uri)
    const units = (variants ?? []).reduce((sum, { text }) => sum + text.length, 0)
    t.ok((variants?.length ?? 0) <= 64 && units <= 65_536, `${piece}: ${variants?.length}, ${units}`)
  }
})

t.test('dot segments are resolved as in RFC 3986 §5.2.4, and slashes collapse on demand', async t => {
  for (const [path, resolved, collapsed = resolved] of [
    ['/a/b/c/./../../g', '/a/g'],
    ['mid/content=5/../6', 'mid/6'],
    ['/a/b/..', '/a/'],
    ['/a/.', '/a/'],
    ['/../a', '/a'],
    ['../a', '../a'],
    ['a/../../b', '../b'],
    ['/a//../b', '/a/b', '/b'],
    ['//a//b//', '//a//b//', '/a/b/'],
    ['/a/...', '/a/...'],
  ] as const) {
    t.equal(resolveDotSegments(path, false), resolved, path)
    t.equal(resolveDotSegments(path, true), collapsed, path)
  }
})
