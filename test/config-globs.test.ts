import fc from 'fast-check'
import t from 'tap'
import { matchGlob, parseGlob } from '../gateway/values/glob.ts'
import { MalformedError } from '../gateway/values/malformed.ts'
import { looksLikeCredential } from '../gateway/config/document/sensitive.ts'
import { nearest } from '../gateway/config/document/suggest.ts'
import { substitute } from '../gateway/config/read/variables.ts'

function matches(pattern: string, text: string): boolean {
  return matchGlob(parseGlob(pattern), text)
}

t.test('globs', async t => {
  t.ok(matches('get_*', 'get_users'))
  t.ok(matches('get_*', 'get_'))
  t.notOk(matches('get_*', 'forget_users'))
  t.notOk(matches('get_*', 'Get_users'), 'case matters')
  t.ok(matches('file:///*.txt', 'file:///a/b.txt'), 'a star takes slashes')
  t.ok(matches('users://{id}/[a-z]', 'users://{id}/[a-z]'), 'braces and brackets stand for themselves')
  t.notOk(matches('[ab]', 'a'))
  t.ok(matches('?', '\u{1f600}'), 'a question mark takes a whole character')
  t.notOk(matches('??', '\u{1f600}'))
  t.ok(matches('\\*\\?\\\\\\a', '*?\\a'), 'a backslash takes the next character literally')
  t.ok(matches('*', ''))
  t.notOk(matches('a', ''))
  t.ok(matches('a\nb*', 'a\nb\nc'), 'line ends are characters')
  for (const pattern of ['', '**', 'a**b', 'a\\', '\\\\\\', '\ud83d'])
    t.throws(() => parseGlob(pattern), MalformedError, pattern)
})

t.test('globs match like a naive matcher', async () => {
  const piece = fc.constantFrom('a', 'b', '*', '?', '\\*', '\\?', '\\\\', '\u{1f600}', '/')
  const pattern = fc
    .array(piece, { minLength: 1, maxLength: 8 })
    .map(pieces => pieces.join(''))
    .filter(text => !/(?<!\\)(?:\\\\)*\*\*/.test(text))
  const text = fc
    .array(fc.constantFrom('a', 'b', '*', '?', '\\', '\u{1f600}', '/', '\ud83d'), { maxLength: 10 })
    .map(all => all.join(''))
  fc.assert(
    fc.property(
      pattern,
      text,
      (pattern, text) => matchGlob(parseGlob(pattern), text) === naive([...pattern], [...text]),
    ),
    { numRuns: 5000 },
  )
})

function naive([head, ...rest]: string[], text: string[]): boolean {
  if (head === undefined) return text.length === 0
  if (head === '*') return naive(rest, text) || (text.length > 0 && naive([head, ...rest], text.slice(1)))
  if (text.length === 0) return false
  if (head === '?') return naive(rest, text.slice(1))
  if (head === '\\') return rest[0] === text[0] && naive(rest.slice(1), text.slice(1))
  return head === text[0] && naive(rest, text.slice(1))
}

t.test('a glob that takes other matchers years is matched at once', async t => {
  const glob = parseGlob(`${'a*'.repeat(250)}b`)
  t.notOk(matchGlob(glob, 'a'.repeat(5000)))
})

t.test('variables', async t => {
  const env = { A: 'x', EMPTY: '', MONEY: '$$ ${A}' }
  const put = (text: string) => substitute(text, env).text
  t.equal(put('${A}-${A}'), 'x-x')
  t.equal(put('${B:-y}${EMPTY:-z}${A:-w}${B:-}'), 'yzx')
  t.equal(put('$$ $${A} $A $'), '$ ${A} $A $')
  t.equal(put('${MONEY}'), '$$ ${A}', 'what is put in is not looked at again')
  const problems = (text: string) =>
    substitute(text, env).problems.map(({ kind, name }) => `${kind} ${name}`.trim())
  t.strictSame(problems('${B} ${A} ${C}'), ['missing B', 'missing C'])
  for (const text of ['${', '${}', '${1}', '${A-B}', '${A:=x}', '${A:-${B}}', '${ A }'])
    t.match(problems(text), ['malformed'], text)
})

t.test('names that look like credentials', async t => {
  const yes = [
    'Authorization',
    'Proxy-Authorization',
    'Cookie',
    'X-Api-Key',
    'x-apikey',
    'X_ACCESS_TOKEN',
    'accessToken',
    'Client-Secret',
    'X-Auth',
    'password',
    'DB-Passwd',
    'X-Credentials',
    'Ocp-Apim-Subscription-Key',
  ]
  for (const name of yes) t.ok(looksLikeCredential(name), name)
  for (const name of ['X-Author', 'X-Team', 'User-Agent', 'X-Tokenizer', 'Keyboard', 'X-Secretary'])
    t.notOk(looksLikeCredential(name), name)
})

t.test('suggestions', async t => {
  t.equal(nearest('raeder', ['writer', 'reader']), 'reader')
  t.equal(nearest('READER', ['leader', 'reader']), 'reader')
  t.equal(nearest('team_keys', ['team-keys']), 'team-keys')
  t.equal(nearest('auditor', ['reader']), undefined)
  t.equal(nearest('a', ['xyz']), undefined)
})
