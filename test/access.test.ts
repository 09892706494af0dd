import fc from 'fast-check'
import t from 'tap'
import { decide } from '../gateway/access/decide.ts'
import { hashSecret } from '../gateway/auth/api-key/key.ts'
import { anonymous, ownerOf } from '../gateway/auth/principal.ts'
import { compileRules } from '../gateway/access/matcher.ts'
import { createDecisionCache } from '../gateway/access/decision-cache.ts'
import { compileAccess } from '../gateway/access/rules.ts'
import { matchGlob, parseGlob } from '../gateway/values/glob.ts'
import { startTestGateway } from './fixtures/gateway.ts'
import { event, json, messageOf, sse, startTestUpstream, type Arrival } from './fixtures/upstream.ts'

const names = ['get_users', 'get_posts', 'get_secret', 'delete_user', 'delete_post', 'a', '*', 'grüße']
const uris = ['users://list', 'users://1', 'posts://list', 'secret://1', 'a?b=c']
const templates = ['users://{id}', 'posts://{id}/comments']
const key = 'canary-of-the-access-test-0123456789abcdef'

const listResults: Record<string, object> = {
  'tools/list': { tools: names.map(name => ({ name, inputSchema: { type: 'object' } })) },
  'prompts/list': { prompts: names.map(name => ({ name })) },
  'resources/list': { resources: uris.map(uri => ({ uri, name: 'x' })) },
  'resources/templates/list': {
    resourceTemplates: templates.map(uriTemplate => ({ uriTemplate, name: 'x' })),
  },
}

const upstream = await startTestUpstream((arrival, response) => {
  const { id, method = '' } = messageOf(arrival)
  const message = { jsonrpc: '2.0', id, result: listResults[method] ?? { served: true } }
  if (arrival.headers['x-answer'] !== 'sse') return json(response, message)
  sse(response)
  response.end(event({ jsonrpc: '2.0', method: 'notifications/message', params: {} }) + event(message))
  return undefined
})
t.teardown(upstream.close)

type Leg = { era: 'legacy' | 'modern'; answer: 'json' | 'sse' }
const legs: Leg[] = (['legacy', 'modern'] as const).flatMap(era => [
  { era, answer: 'json' as const },
  { era, answer: 'sse' as const },
])

async function ask(
  url: string,
  { era, answer }: Leg,
  method: string,
  params: Record<string, unknown> = {},
): Promise<{ result?: Record<string, unknown> }> {
  const name = (params['name'] ?? params['uri']) as string | undefined
  const version = 'io.modelcontextprotocol/protocolVersion'
  const modern = era === 'modern'
  const response = await fetch(url, {
    method: 'POST',
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method,
      params: modern ? { ...params, _meta: { [version]: '2026-07-28' } } : params,
    }),
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'x-answer': answer,
      ...(modern && { 'mcp-protocol-version': '2026-07-28', 'mcp-method': method }),
      ...(modern &&
        name !== undefined && { 'mcp-name': `=?base64?${Buffer.from(name).toString('base64')}?=` }),
    },
  })
  const text = await response.text()
  const data = text.startsWith('{')
    ? text
    : text
        .split('\n')
        .findLast(line => line.startsWith('data: '))!
        .slice(6)
  return JSON.parse(data) as { result?: Record<string, unknown> }
}

/** The rules of access, written again in the simplest way. */
type Rules = { allow?: string[]; deny?: string[] }
type Model = { grants: Rules[]; ceiling: Rules }

function model({ grants, ceiling }: Model, name: string): boolean {
  const any = (patterns: string[] = []): boolean =>
    patterns.some(pattern => {
      const source = pattern
        .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
        .replaceAll('*', '.*')
        .replaceAll('?', '.')
      return new RegExp(`^${source}$`, 'u').test(name)
    })
  if (any(ceiling.deny) || (ceiling.allow !== undefined && !any(ceiling.allow))) return false
  return grants.some(rules => any(rules.allow)) && !grants.some(rules => any(rules.deny))
}

const glob = fc.constantFrom(
  '*',
  'get_*',
  '*_user',
  'delete_?ser',
  'a',
  '??',
  'users://*',
  '*://list',
  'secret*',
  'posts://{id}/*',
  'gr?ße',
  'x',
)
const allow: fc.Arbitrary<string[]> = fc.oneof(
  { weight: 2, arbitrary: fc.constant<string[]>(['*']) },
  { weight: 3, arbitrary: fc.uniqueArray(glob, { maxLength: 3 }) },
)
const deny: fc.Arbitrary<string[]> = fc.uniqueArray(glob, { maxLength: 2 })
const grant: fc.Arbitrary<Rules> = fc.record({ allow, deny }, { requiredKeys: [] })
const ceiling: fc.Arbitrary<Rules> = fc.oneof(
  { weight: 1, arbitrary: fc.constant({}) },
  { weight: 2, arbitrary: grant },
)

t.test('listed is callable and callable is listed, in both eras, in JSON and in streams', async t => {
  const yaml = (first: Rules, second: Rules, ceiling: Rules): string => {
    // Only URIs may have braces: in other patterns, a backslash says that they are meant.
    const literal = (value: Rules): Rules =>
      JSON.parse(JSON.stringify(value).replaceAll('{id}', '\\\\{id\\\\}')) as Rules
    const all = (value: Rules): string =>
      JSON.stringify({ tools: literal(value), prompts: literal(value), resources: value })
    return `
auth: {keys: {type: api-key}}
roles:
  first: {access: {main: ${all(first)}}}
  second: {access: {"*": ${all(second)}}}
keys: {agent: {roles: [first, second], secrets: [{hash: "${hashSecret(key)}"}]}}
proxies:
  main: {auth: [keys], upstream: {url: "${upstream.url}"}, ...: ...}
`.replace(', ...: ...}', `, ${all(ceiling).slice(1)}`)
  }
  const gateway = await startTestGateway(yaml({}, {}, {}), { watch: false })
  t.teardown(gateway.close)
  const url = `${gateway.url}/main/mcp`
  let compared = 0

  await fc.assert(
    fc.asyncProperty(grant, grant, ceiling, async (first, second, above) => {
      gateway.write(yaml(first, second, above))
      await gateway.reload()
      if (!(await gateway.status()).lastReload.successful) throw new Error('the configuration was refused')
      const expected = (name: string): boolean => model({ grants: [first, second], ceiling: above }, name)
      for (const leg of legs) {
        for (const [list, member, item, method, all] of [
          ['tools/list', 'tools', 'name', 'tools/call', names],
          ['prompts/list', 'prompts', 'name', 'prompts/get', names],
          ['resources/list', 'resources', 'uri', 'resources/read', uris],
        ] as const) {
          const { result } = (await ask(url, leg, list)) as {
            result: Record<string, Record<string, string>[]>
          }
          const listed = result[member]!.map(entry => entry[item]!)
          const callable: string[] = []
          for (const name of all) {
            const before: Arrival | undefined = upstream.arrivals.at(-1)
            const { result: served } = await ask(url, leg, method, { [item]: name })
            if (served?.['served'] === true) callable.push(name)
            else if (upstream.arrivals.at(-1) !== before)
              throw new Error('a denied call reached the upstream')
            compared++
          }
          const wanted = all.filter(expected)
          if (JSON.stringify([listed, callable]) !== JSON.stringify([wanted, wanted])) {
            throw new Error(JSON.stringify({ leg, list, listed, callable, wanted }))
          }
        }
        const { result } = (await ask(url, leg, 'resources/templates/list')) as {
          result: { resourceTemplates: { uriTemplate: string }[] }
        }
        const listed = result.resourceTemplates.map(({ uriTemplate }) => uriTemplate)
        if (JSON.stringify(listed) !== JSON.stringify(templates.filter(expected)))
          throw new Error(`templates: ${listed.join()}`)
      }
    }),
    { numRuns: 25, examples: [[{ allow: ['*'], deny: ['delete_?ser', 'users://*'] }, { allow: ['*'] }, {}]] },
  )
  t.ok(compared >= 25 * 4 * 21)
})

t.test('no spelling of a resource bypasses a rule', async t => {
  const may = (rules: Rules, uri: string): boolean => {
    const role = { access: { main: { resources: { deny: [], ...rules } } } }
    const proxy = compileAccess('main', { auth: ['keys'] }, { reader: role })
    const principal = { ...anonymous, kind: 'key' as const, name: 'agent', roles: ['reader'] }
    return decide(proxy, principal, { method: 'resources/read', kind: 'resource', name: uri }).allow
  }
  const publicOnly = { allow: ['docs://team/public/*'] }
  for (const uri of [
    'docs://team/public/../secret/plan',
    'docs://team/public/%2e%2e/secret/plan',
    'docs://team/public/%2E./secret/plan',
    'docs://team/public/a/../../secret/plan',
    'docs://team/public/..%2fsecret/plan',
    'docs://team/public/%252e%252e%252fsecret/../../secret/plan',
    'docs://team/public/./../secret/plan',
    'docs://team/public/\t../secret/plan',
    'http://docs/public',
  ]) {
    t.notOk(may(publicOnly, uri), uri)
  }
  const notSecret = { allow: ['*'], deny: ['docs://team/secret/*'] }
  for (const uri of [
    'docs://team/secret/plan',
    'DOCS://team/secret/plan',
    ' docs://team/secret/plan',
    'docs://team/secret/plan\n',
    'docs://team/x/../secret/plan',
    'docs://team/./secret/plan',
    'docs://team/sec\tret/plan',
    'docs://team/%73ecret/plan',
    'docs://team/x/%2e%2e/secret/plan',
    'docs://team%2fsecret%2fplan',
  ]) {
    t.notOk(may(notSecret, uri), uri)
  }
  for (const [pattern, uri] of [
    ['docs://team/public/*', 'docs://team/public/a b'],
    ['docs://team/public/*', 'docs://team/public/a%20b'],
    ['docs://team/public/a%20b', 'docs://team/public/a%20b'],
    ['docs://team/grüße', 'docs://team/grüße'],
    ['users://list', 'users://list'],
    ['posts://h/{id}/comments', 'posts://h/{id}/comments'],
    ['http://example.com', 'http://example.com'],
    ['urn:isbn:*', 'urn:isbn:0451450523'],
    ['a?b=c', 'a?b=c'],
    ['no uri at all', 'no uri at all'],
    ['100%', '100%'],
  ] as const) {
    t.ok(may({ allow: [pattern] }, uri), uri)
  }
})

t.test('two clients with the same name, from two auth methods, stay two', async t => {
  const named = (grantedBy: string): string =>
    ownerOf({ ...anonymous, kind: 'certificate', name: 'DNS:agent', grantedBy }, 'mock').identities.join(' ')
  t.not(named('/auth/first/grants'), named('/auth/second/grants'))
  t.equal(named('/auth/first/grants'), named('/auth/first/grants'))
})

t.test('a list of globs finds the first that matches, however it is compiled', async () => {
  const piece = fc.constantFrom('a', 'b', 'get_', '😀', '*', '?', '\\*', '\\\\')
  const pattern = fc
    .array(piece, { minLength: 1, maxLength: 4 })
    .map(pieces => pieces.join('').replaceAll(/\*\*+/g, '*'))
    .filter(text => !/(?<!\\)(?:\\\\)*\\$/.test(text) && !text.includes('**'))
  const name = fc
    .array(fc.constantFrom('a', 'b', 'get_', '😀', '*', '\\', '\ud83d'), { maxLength: 4 })
    .map(pieces => pieces.join(''))
  fc.assert(
    fc.property(fc.array(pattern, { maxLength: 6 }), name, (patterns, text) => {
      const index = patterns.findIndex(one => matchGlob(parseGlob(one), text))
      return compileRules(patterns, '/list').first(text)?.path === (index < 0 ? undefined : `/list/${index}`)
    }),
    { numRuns: 5000 },
  )
})

t.test('decisions are cached for principals with the same roles, and nobody else', async t => {
  const access = (allow: string[]) => ({ mock: { tools: { allow, deny: [] } } })
  const roles = { reader: { access: access(['get_*']) }, writer: { access: access(['set_*']) } }
  const proxy = compileAccess('mock', { auth: ['keys'] }, roles as never)
  const may = (held: string[], name: string) =>
    decide(
      proxy,
      { ...anonymous, roles: held, grantedBy: `/keys/${held.join('-')}/roles` },
      { method: 'tools/call', kind: 'tool', name },
    )
  for (let round = 0; round < 3; round++) {
    t.same(may(['reader'], 'get_a'), { allow: true, rule: '/roles/reader/access/mock/tools/allow/0' })
    t.same(may(['writer'], 'get_a'), { allow: false, rule: '/keys/writer/roles' })
    t.same(may(['reader', 'writer'], 'set_a'), {
      allow: true,
      rule: '/roles/writer/access/mock/tools/allow/0',
    })
    t.same(may(['reader', 'unknown'], 'set_a'), { allow: false, rule: '/keys/reader-unknown/roles' })
    t.same(may(['unknown'], 'get_a'), { allow: false, rule: '/keys/unknown/roles' })
    for (let index = 0; index < 1500; index++) may(['reader'], `get_${round}_${index}`)
  }
})

t.test('a decision about a tool says nothing about a prompt or a resource of the same name', async t => {
  const rules = { prompts: { allow: ['b', 'c:d'], deny: [] }, resources: { allow: ['c:d'], deny: [] } }
  const roles = { reader: { access: { mock: { tools: { allow: ['a'], deny: [] }, ...rules } } } }
  const proxy = compileAccess('mock', { auth: ['keys'] }, roles as never)
  const principal = { ...anonymous, roles: ['reader'], grantedBy: '/keys/reader/roles' }
  const kinds = ['tool', 'prompt', 'resource'] as const
  for (const name of ['a', 'b', 'c:d', 'a', 'b', 'c:d']) {
    const allowed = kinds.filter(kind => decide(proxy, principal, { method: '', kind, name }).allow)
    const expected = { a: ['tool'], b: ['prompt'], 'c:d': ['prompt', 'resource'] }[name]
    t.same(allowed, expected, name)
  }
})

t.test('the cache of decisions is bounded, however many combinations of roles tokens ask for', async t => {
  const cache = createDecisionCache<number>(10, 25)
  const owners = Array.from({ length: 100 }, () => ({}))
  for (const [index, owner] of owners.entries()) {
    for (let name = 0; name < 15; name++) {
      cache.set(owner, `tool ${name}`, index)
      t.equal(cache.get(owner, `tool ${name}`), index)
      t.ok(cache.size() <= 25)
    }
  }
  t.equal(cache.get(owners[0]!, 'tool 14'), undefined)
  t.equal(cache.get(owners[99]!, 'tool 14'), 99)

  const names = Array.from({ length: 11 }, (_, index) => `role${index}`)
  const roles = Object.fromEntries(
    names.map(name => [name, { access: { mock: { tools: { allow: [name], deny: [] } } } }]),
  )
  const proxy = compileAccess('mock', { auth: ['sso'] }, roles as never)
  const first = proxy.grantsOf(['role0'])
  t.equal(proxy.grantsOf(['role0']), first, 'the same list for the same roles')
  for (let combination = 2; combination < 2 ** 11; combination++) {
    const held = names.filter((_, index) => (combination >> index) & 1)
    t.equal(proxy.grantsOf(held).length, held.length)
  }
  t.not(proxy.grantsOf(['role0']), first, 'it made room')
})
