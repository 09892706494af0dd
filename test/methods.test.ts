import * as apps from '@modelcontextprotocol/ext-apps'
import * as core from '@modelcontextprotocol/core'
import * as skillsExtension from '@modelcontextprotocol/core/ext/skills'
import * as tasksV1 from '@modelcontextprotocol/ext-tasks/core/v1'
import * as tasksV2 from '@modelcontextprotocol/ext-tasks/core/v2'
import * as legacy from '@modelcontextprotocol/sdk/types.js'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parseAnswer } from './fixtures/answer.ts'
import { decide } from '../gateway/access/decide.ts'
import { hashSecret } from '../gateway/auth/api-key/key.ts'
import { isAccessReduced } from '../gateway/access/analysis/access-reduced.ts'
import { anonymous } from '../gateway/auth/principal.ts'
import { compileAccess } from '../gateway/access/rules.ts'
import { ruleOf } from '../gateway/mcp/methods.ts'
import { startTestGateway } from './fixtures/gateway.ts'
import { until } from './fixtures/until.ts'
import { event, json, messageOf, sse, startTestUpstream } from './fixtures/upstream.ts'

/** Returns the methods of the request and notification schemas that a package exports. */
function methodsOf(schemas: object): string[] {
  return Object.values(schemas).flatMap((schema: unknown) => {
    const { shape } = (schema ?? {}) as { shape?: { method?: { value?: unknown } } }
    return typeof shape?.method?.value === 'string' ? [shape.method.value] : []
  })
}

/** The methods of skills: those that the SDK names, and those that the conformance suite sends; neither has schemas. */
function skillMethods(): string[] {
  const named = Object.entries(skillsExtension).flatMap(([name, value]) =>
    name.endsWith('_METHOD') && typeof value === 'string' ? [value] : [],
  )
  return [...named, ...skillMethodsOfSuite()]
}

function skillMethodsOfSuite(): string[] {
  const folder = join(import.meta.dirname, '../node_modules/@modelcontextprotocol/conformance/dist')
  const text = globSync('*.js', { cwd: folder })
    .map(file => readFileSync(join(folder, file), 'utf8'))
    .join('\n')
  return [...text.matchAll(/["'`]((?:skills|resources\/directory)\/[a-z]+)["'`]/g)].map(
    ([, method]) => method!,
  )
}

/** Methods that servers, and with `ui/` hosts of MCP Apps, send to clients. Clients do not send them. */
const serverMethods: ReadonlySet<string> = new Set([
  'sampling/createMessage',
  'elicitation/create',
  'roots/list',
  'notifications/message',
  'notifications/elicitation/complete',
  'notifications/tools/list_changed',
  'notifications/prompts/list_changed',
  'notifications/resources/list_changed',
  'notifications/resources/updated',
  'notifications/subscriptions/acknowledged',
  'notifications/tasks',
])

t.test('every method of MCP and its extensions is classified', async t => {
  const sources = {
    'core, legacy': methodsOf(legacy),
    'core, modern': methodsOf(core),
    'tasks, legacy': methodsOf(tasksV1),
    'tasks, modern': methodsOf(tasksV2),
    apps: methodsOf(apps),
    skills: skillMethods(),
  }
  const fewest = {
    'core, legacy': 31,
    'core, modern': 34,
    'tasks, legacy': 5,
    'tasks, modern': 4,
    apps: 16,
    skills: 3,
  }
  for (const [source, methods] of Object.entries(sources)) {
    t.ok(
      new Set(methods).size >= fewest[source as keyof typeof fewest],
      `${source}: ${new Set(methods).size}`,
    )
    for (const method of methods)
      t.ok(ruleOf(method) !== undefined || serverMethods.has(method) || method.startsWith('ui/'), method)
  }
})

type Access = Parameters<typeof compileAccess>[1]
const everything = { allow: ['*'], deny: [] }
const principal = { ...anonymous, roles: ['a', 'b'], grantedBy: '/keys/k/roles' }
function compile(
  roles: Record<string, Access['methods']>,
  ceiling?: Access['methods'],
  auth: unknown = ['k'],
) {
  const access = (methods: Access['methods']) => ({
    tools: everything,
    resources: everything,
    ...(methods && { methods }),
  })
  const all = Object.entries(roles).map(([name, methods]) => [name, { access: { mcp: access(methods) } }])
  return compileAccess('mcp', { auth, ...(ceiling && { methods: ceiling }) }, Object.fromEntries(all))
}

t.test('methods pass by rules of roles and of the ceiling', async t => {
  const rules = (allow?: string[], deny: string[] = []) => ({ ...(allow && { allow }), deny })
  const cases: [string, ReturnType<typeof compile>, passing: string[], refused: string[]][] = [
    [
      'without a rule: the classified methods',
      compile({ a: undefined }),
      [
        'tasks/list',
        'skills/list',
        'logging/setLevel',
        'subscriptions/listen',
        'notifications/progress',
        'ping',
      ],
      [
        'events/subscribe',
        'interceptor/invoke',
        'x/y',
        'tools/x',
        'roots/list',
        'ui/message',
        'Tasks/List',
        'GET',
      ],
    ],
    [
      'an allow list in a role: its methods, those that are judged by name, and those that a session needs',
      compile({ a: rules(['tasks/*', 'x/*']) }),
      [
        'tasks/get',
        'x/y',
        'tools/call',
        'resources/list',
        'initialize',
        'server/discover',
        'completion/complete',
        'subscriptions/listen',
        'notifications/cancelled',
      ],
      ['logging/setLevel', 'y/x', 'tools/x'],
    ],
    [
      'a role without a rule beside one with a rule: the methods of both',
      compile({ a: rules(['x/*']), b: undefined }),
      ['x/y', 'logging/setLevel'],
      ['y/x'],
    ],
    [
      'a deny in any role wins, except over methods that a session needs',
      compile({ a: rules(['*']), b: rules(undefined, ['tools/*', 'tasks/*', 'ping', 'initialize']) }),
      ['x/y', 'ping', 'initialize', 'resources/list'],
      ['tools/call', 'tools/list', 'tasks/get'],
    ],
    [
      'the ceiling limits every grant',
      compile({ a: rules(['*']) }, rules(['tasks/*'], ['tasks/cancel'])),
      ['tasks/get', 'tools/call'],
      ['tasks/cancel', 'x/y', 'logging/setLevel'],
    ],
    ['an open proxy without a rule', compile({}, undefined, 'none'), ['tasks/get', 'tools/call'], ['x/y']],
    [
      'an open proxy with one',
      compile({}, rules(['x/*']), 'none'),
      ['x/y', 'tools/call'],
      ['tasks/get', 'y/x'],
    ],
  ]
  for (const [name, proxy, passing, refused] of cases) {
    const passes = (method: string) => decide(proxy, principal, { method, kind: 'other' }).allow
    t.same([...passing, ...refused].filter(passes), passing, name)
  }
})

t.test('a stream ends when its methods are reduced', async t => {
  const of = (methods: Access['methods'], ceiling?: Access['methods']) => compile({ a: methods }, ceiling)
  const narrowed = (before: ReturnType<typeof compile>, after: ReturnType<typeof compile>) =>
    isAccessReduced(before, principal, after, principal)
  t.equal(narrowed(of(undefined), of(undefined)), false)
  t.equal(narrowed(of(undefined), of({ allow: ['tasks/*'], deny: [] })), true)
  t.equal(narrowed(of({ allow: ['x/y'], deny: [] }), of({ allow: ['tasks/*'], deny: [] })), true)
  t.equal(narrowed(of({ allow: ['x/y'], deny: [] }), of({ allow: ['x/y', 'z'], deny: [] })), false)
  t.equal(narrowed(of(undefined), of({ deny: ['tasks/*'] })), true)
  t.equal(narrowed(of(undefined), of(undefined, { deny: ['tasks/*'] })), true)
})

const key = 'canary-of-the-methods-test-0123456789abcdef'
/** For a caller whose rule allows every method. */
const wideKey = 'canary-of-the-methods-test-wide-9876543210'
const skill = (name: string, files: string[] | 'dynamic') => ({
  uri: `skill://${name}/SKILL.md`,
  frontmatter: { name, description: '…' },
  resources:
    files === 'dynamic'
      ? files
      : files.map(file => ({ uri: `skill://${name}/${file}`, digest: 'sha256:0', size: 1 })),
})
const skills = [
  skill('public', ['SKILL.md', 'a.md']),
  skill('public-2', ['SKILL.md', 'secret.md']),
  skill('public-3', 'dynamic'),
  skill('payroll', ['SKILL.md']),
]
const results: Record<string, (params: Record<string, unknown>) => object> = {
  'skills/list': () => ({ skills, ttlMs: 1, cacheScope: 'public' }),
  'skills/get': ({ uri }) => ({ skill: skills.find(one => one.uri === uri), ttlMs: 1, cacheScope: 'public' }),
  'resources/directory/read': () => ({
    resources: ['skill://public/a.md', 'skill://public/secret', 'skill://public/b\u0000'].map(uri => ({
      uri,
      name: 'x',
    })),
  }),
}
const tools = ['get_a', 'delete_a', 'get_b\u0000'].map(name => ({ name, inputSchema: { type: 'object' } }))
results['tools/list'] = () => ({ tools })
results['tools/search'] = () => ({ tools })
const upstream = await startTestUpstream((arrival, response) => {
  const { id, method = '', params = {} } = messageOf(arrival)
  if (id === undefined) return void response.writeHead(202).end()
  const answer = { jsonrpc: '2.0', id, result: results[method]?.(params) ?? { served: true } }
  if (arrival.headers['x-answer'] !== 'sse') return json(response, answer)
  sse(response)
  response.end(event(answer))
})
const gateway = await startTestGateway(`
auth: {keys: {type: api-key}}
roles:
  bob: {access: {mcp: {tools: {allow: ["get_*"]}, resources: {allow: ["skill://public*"], deny: ["*secret*"]}}}}
  wide: {access: {mcp: {tools: {allow: ["get_*"]}, resources: {allow: ["skill://public*"]}, methods: {allow: ["*"]}}}}
keys:
  bob: {roles: [bob], secrets: [{hash: "${hashSecret(key)}"}]}
  wide: {roles: [wide], secrets: [{hash: "${hashSecret(wideKey)}"}]}
proxies:
  mcp: {auth: [keys], upstream: {url: "${upstream.url}"}}
  open: {auth: none, methods: {deny: ["tools/call"]}, upstream: {url: "${upstream.url}"}}
`)
t.teardown(async () => {
  await gateway.close()
  await upstream.close()
})

type Era = 'modern' | 'legacy'
const eras: Era[] = ['modern', 'legacy']

/** Status of invalid parameters: a legacy client must not lose its session to them. */
const invalidStatus = (era: Era): number => (era === 'legacy' ? 200 : 400)

async function send(message: unknown, headers: Record<string, string | string[]> = {}) {
  const all = {
    authorization: `Bearer ${key}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
  }
  const list = Object.entries({ ...all, ...headers }).flatMap(([name, value]) =>
    [value].flat().map((one): [string, string] => [name, one]),
  )
  const response = await fetch(`${gateway.url}/${headers['x-path'] ?? 'mcp'}/mcp`, {
    method: 'POST',
    headers: list,
    body: JSON.stringify(message),
  })
  const text = await response.text()
  const isStream = response.headers.get('content-type') === 'text/event-stream'
  const data = isStream ? text.split('data: ')[1]! : text
  return { status: response.status, body: (data === '' ? {} : parseAnswer(data)) as Record<string, any> }
}

function ask(
  era: Era,
  method: string,
  params: Record<string, unknown> = {},
  headers: Record<string, string | string[]> = {},
) {
  const rule = ruleOf(method)
  const member = rule?.task === true ? 'taskId' : rule?.names?.member
  const name = member && params[member]
  const meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' }
  if (era === 'legacy') return send({ jsonrpc: '2.0', id: 1, method, params }, headers)
  return send(
    { jsonrpc: '2.0', id: 1, method, params: { ...params, _meta: meta } },
    {
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': method,
      ...(typeof name === 'string' && {
        'mcp-name': `=?base64?${Buffer.from(name).toString('base64')}?=`,
      }),
      ...headers,
    },
  )
}

t.test('an unclassified method is not forwarded', async t => {
  for (const era of eras) {
    for (const method of [
      'events/subscribe',
      'interceptor/invoke',
      'x/y',
      'tools/describe',
      'roots/list',
      'ui/message',
    ]) {
      const arrived = upstream.arrivals.length
      const { status, body } = await ask(era, method)
      t.same([status, body['error']?.code], [era === 'modern' ? 404 : 200, -32601], `${era} ${method}`)
      t.equal(body['id'], 1)
      t.equal(body['error'].message, `Method not found: ${method}`)
      t.equal(body['error'].data.reason, 'method_unknown')
      t.equal(upstream.arrivals.length, arrived)
    }
    t.equal((await ask(era, 'tasks/list')).status, 200)
  }
  t.same(await send({ jsonrpc: '2.0', method: 'notifications/x' }), { status: 202, body: {} })
  t.equal((await send({ jsonrpc: '2.0', method: 'notifications/cancelled' })).status, 202)
  const batch = [
    { jsonrpc: '2.0', id: 1, method: 'ping' },
    { jsonrpc: '2.0', id: 2, method: 'x/y' },
  ]
  t.match((await send(batch)).body, [{ error: { code: -32600 } }, { error: { code: -32601 } }])
})

t.test('an unclassified notification is not forwarded', async t => {
  const arrived = upstream.arrivals.length
  for (const method of ['notifications/x', 'notifications/tools/list_changed', 'x/y', 'roots/list']) {
    const legacy = await send({ jsonrpc: '2.0', method })
    t.same(legacy, { status: 202, body: {} }, method)
    const modern = await send({ jsonrpc: '2.0', method }, { 'mcp-protocol-version': '2026-07-28' })
    t.same([modern.status, 'id' in modern.body, modern.body['error'].code], [404, false, -32601], method)
    const batch = await send([{ jsonrpc: '2.0', method }])
    t.same(batch, { status: 202, body: {} }, `${method} in a batch`)
  }
  t.equal(upstream.arrivals.length, arrived)
})

t.test('a rule that allows a method does not allow every name that it carries', async t => {
  const as = { authorization: `Bearer ${wideKey}` }
  const hidden: [string, Record<string, unknown>][] = [
    ['tools/x', { name: 'delete_a' }],
    ['Tools/x', { name: 'delete_a' }],
    [' tools/x', { name: 'delete_a' }],
    ['tools/x', { name: 'get_a', uri: 'skill://payroll/SKILL.md' }],
    ['prompts/x', { name: 'get_a' }],
    ['resources/x', { uri: 'skill://payroll/SKILL.md' }],
    ['skills/x', { uri: 'skill://payroll/SKILL.md' }],
    ['events/subscribe', { uri: 'skill://payroll/SKILL.md' }],
    ['events/subscribe', { taskId: 'hers' }],
    ['tasks/x', { taskId: 'hers' }],
    ['Tasks/x', { taskId: 'hers' }],
  ]
  const malformed: [string, Record<string, unknown>][] = [
    ['events/subscribe', { uri: 7 }],
    ['events/subscribe', { uri: '' }],
    ['events/subscribe', { taskId: 7 }],
    ['events/subscribe', { name: 'a\u0000b' }],
    ['tools/x', { name: ['get_a'] }],
  ]
  const passing: [string, Record<string, unknown>][] = [
    ['events/subscribe', {}],
    ['events/subscribe', { name: 'delete_a' }],
    ['events/subscribe', { uri: 'skill://public/a.md' }],
    ['tools/x', {}],
    ['tools/x', { name: 'get_a' }],
    ['tools/x', { name: 'get_a', uri: 'skill://public/a.md' }],
  ]
  for (const era of eras) {
    const answers = async (method: string, params: Record<string, unknown>) => {
      const arrived = upstream.arrivals.length
      const { status, body } = await ask(era, method, params, as)
      return [status, body['error']?.code, upstream.arrivals.length - arrived]
    }
    const title = (method: string, params: object) => `${era} ${method} ${JSON.stringify(params)}`
    // A header cannot carry a blank before the method.
    const sendable = hidden.filter(([method]) => era === 'legacy' || method.trim() === method)
    for (const [method, params] of sendable)
      t.same(await answers(method, params), [200, -32602, 0], title(method, params))
    for (const [method, params] of malformed)
      t.same(await answers(method, params), [invalidStatus(era), -32602, 0], title(method, params))
    for (const [method, params] of passing)
      t.same(await answers(method, params), [200, undefined, 1], title(method, params))
    for (const method of ['TOOLS/CALL', 'Server/Discover'])
      t.same(await answers(method, { name: 'get_a' }), [400, -32600, 0], method)
    const { body } = await ask(era, 'tools/search', {}, as)
    t.same(body['result'].tools, [tools[0]], 'the list of an unknown method of a family is filtered')
  }
  for (const method of ['x/y\u0000', 'tools/call\u0000', 'x\ny'])
    t.equal((await send({ jsonrpc: '2.0', id: 1, method }, as)).body['error'].code, -32600)
})

t.test('a list hides everything if the method of its items is denied', async t => {
  const { body } = await ask('legacy', 'tools/list', {}, { 'x-path': 'open' })
  t.same(body['result'].tools, [])
  t.equal(
    (await ask('legacy', 'tools/call', { name: 'get_a' }, { 'x-path': 'open' })).body['error'].code,
    -32601,
  )
})

t.test('arguments of the wrong type are refused', async t => {
  for (const era of eras) {
    for (const given of [[], ['region'], 'region', 7, true]) {
      const { status, body } = await ask(era, 'tools/call', { name: 'get_a', arguments: given })
      t.same([status, body['error']?.code], [invalidStatus(era), -32602], `${era} ${JSON.stringify(given)}`)
    }
    for (const given of [{}, null])
      t.equal((await ask(era, 'tools/call', { name: 'get_a', arguments: given })).status, 200)
  }
})

t.test('names with control characters, and names that are too long, are refused', async t => {
  const bad = [
    'get_a\u0000delete_a',
    'get_\u0001',
    'get_a\n',
    'get_\u007f',
    'get_a\tb',
    `get_${'x'.repeat(8189)}`,
  ]
  for (const era of eras) {
    for (const text of bad) {
      const params: [string, Record<string, unknown>][] = [
        ['tools/call', { name: text }],
        ['prompts/get', { name: text }],
        ['resources/read', { uri: text }],
        ['resources/subscribe', { uri: text }],
        ['resources/directory/read', { uri: text }],
        ['skills/get', { uri: text }],
        ['tasks/get', { taskId: text }],
        ['completion/complete', { ref: { type: 'ref/prompt', name: text } }],
        ['subscriptions/listen', { notifications: { resourceSubscriptions: [text] } }],
        ['subscriptions/listen', { notifications: { taskIds: [text] } }],
        ['tools/list', { name: text }],
        ['tools/call', { name: 'get_a', uri: text }],
        ['tools/call', { name: 'get_a', taskId: text }],
        ['ping', { taskId: text }],
      ]
      for (const [method, named] of params) {
        const arrived = upstream.arrivals.length
        const { status, body } = await ask(era, method, named)
        t.same(
          [status, body['error']?.code],
          [invalidStatus(era), -32602],
          `${era} ${method} ${JSON.stringify(text).slice(0, 30)}`,
        )
        t.equal(upstream.arrivals.length, arrived)
      }
    }
    const many = Array.from({ length: 1001 }, (_, index) => `skill://public/${index}`)
    t.equal(
      (await ask(era, 'subscriptions/listen', { notifications: { resourceSubscriptions: many } })).status,
      invalidStatus(era),
    )
    const { status } = await ask(era, 'subscriptions/listen', { notifications: { taskIds: many } })
    t.equal(status, invalidStatus(era))
    t.equal((await ask(era, 'tools/call', { name: `get_${'x'.repeat(8000)}` })).status, 200)
    const long = Array.from({ length: 150 }, (_, index) => `skill://public/${index}/${'x'.repeat(1000)}`)
    const together = await ask(era, 'subscriptions/listen', {
      notifications: { resourceSubscriptions: long },
    })
    t.equal(together.body['error'].code, -32602, 'names are bounded together, too')
    const some = { notifications: { resourceSubscriptions: long.slice(0, 100) } }
    t.equal((await ask(era, 'subscriptions/listen', some)).status, 200)
  }
  const batch = Array.from({ length: 20 }, (_, id) => ({
    jsonrpc: '2.0',
    id,
    method: 'resources/read',
    params: { uri: `skill://public/${'x'.repeat(8000)}` },
  }))
  const { status, body } = await send(batch)
  t.equal(status, 200)
  const refused = Object.values(body).filter(({ error }) => error.code === -32602)
  t.same(
    refused.map(({ id }) => id),
    [16],
    'the error names the first one too many',
  )
})

t.test('a header that contradicts the body is refused', async t => {
  const cases: [string, Record<string, unknown>, Record<string, string | string[]>, number][] = [
    ['tools/call', { name: 'get_a' }, { 'mcp-name': ['get_a', 'get_b'] }, -32020],
    ['ping', {}, { 'mcp-name': 'get_a' }, -32020],
    ['tools/list', {}, { 'mcp-name': 'get_a' }, -32020],
    [
      'completion/complete',
      { ref: { type: 'ref/resource', uri: 'skill://public' } },
      { 'mcp-name': 'x' },
      -32020,
    ],
    ['subscriptions/listen', { notifications: [] }, {}, -32602],
    ['subscriptions/listen', { notifications: 'x' }, {}, -32602],
    ['completion/complete', { ref: ['ref/prompt'] }, {}, -32602],
  ]
  for (const [method, params, headers, code] of cases) {
    for (const era of eras) {
      const { status, body } = await ask(era, method, params, headers)
      const expected = code === -32602 ? invalidStatus(era) : 400
      t.same([status, body['error']?.code], [expected, code], `${era} ${method} ${JSON.stringify(headers)}`)
    }
  }
  t.equal(
    (await send({ jsonrpc: '2.0', id: 1, method: 'ping', params: { _meta: [] } })).body['error'].code,
    -32602,
  )
  const get = await fetch(`${gateway.url}/mcp/mcp`, {
    headers: { authorization: `Bearer ${key}`, accept: 'text/event-stream', 'mcp-name': 'get_a' },
  })
  t.equal((parseAnswer(await get.text()) as any).error.code, -32020)
})

t.test('the log line of a batch names every call', async t => {
  const batch = ['get_a', 'get_b'].map((name, id) => ({
    jsonrpc: '2.0',
    id,
    method: 'tools/call',
    params: { name },
  }))
  await send([...batch, { jsonrpc: '2.0', id: 9, method: 'ping' }])
  const isLine = ({ batch }: Record<string, unknown>): boolean => Array.isArray(batch) && batch.length === 3
  await until(() => gateway.lines.some(isLine), 'the line is written')
  const line = gateway.lines.find(isLine)!
  t.same(line['batch'], [
    ['tools/call', 'get_a'],
    ['tools/call', 'get_b'],
    ['ping', null],
  ])
})

t.test('skills and directories are filtered', async t => {
  for (const answer of ['json', 'sse']) {
    const as = { 'x-answer': answer }
    const { body } = await ask('modern', 'skills/list', {}, as)
    t.same(body['result'].skills, [skills[0], skills[2]], 'a skill is hidden if one of its files is denied')
    t.equal(body['result'].cacheScope, 'private')
    const get = (name: string) => ask('modern', 'skills/get', { uri: `skill://${name}/SKILL.md` }, as)
    t.same((await get('public')).body['result'].skill, skills[0])
    t.equal((await get('public')).body['result'].cacheScope, 'private')
    t.equal((await get('payroll')).body['error'].code, -32602)
    const hidden = (await get('public-2')).body
    t.same([hidden['id'], hidden['error'].code, hidden['result']], [1, -32602, undefined])
    const folder = (await ask('modern', 'resources/directory/read', { uri: 'skill://public' }, as)).body
    t.same(
      folder['result'].resources.map(({ uri }: { uri: string }) => uri),
      ['skill://public/a.md'],
    )
    t.equal(
      (await ask('modern', 'resources/directory/read', { uri: 'skill://payroll' }, as)).body['error'].code,
      -32602,
    )
  }
})
