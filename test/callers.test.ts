import t, { type Test } from 'tap'
import { hashSecret } from '../gateway/auth/api-key/key.ts'
import { methodNames, type MethodName } from '../gateway/values/method-names.ts'
import { startTestGateway } from './fixtures/gateway.ts'
import { until } from './fixtures/until.ts'
import {
  event,
  json,
  messageOf,
  sse,
  startTestUpstream,
  type Answer,
  type TestUpstream,
} from './fixtures/upstream.ts'

const secrets = {
  ann: 'canary-of-ann-0123456789abcdef0123456789abcdef',
  bob: 'canary-of-bob-0123456789abcdef0123456789abcdef',
}
type Caller = keyof typeof secrets
type Era = 'modern' | 'legacy'
type Fields = Record<string, any>

/** Marks in the upstream's answers: for ann alone, and for both. */
const hers = 'this is for ann'
const shared = 'this is for both'

const skill = (name: string, files: string[], description: string) => ({
  uri: `skill://${name}/SKILL.md`,
  frontmatter: { name, description },
  resources: ['SKILL.md', ...files].map(file => ({
    uri: `skill://${name}/${file}`,
    digest: 'sha256:0',
    size: 1,
  })),
})
const skills = [
  skill('payroll', ['a.md'], hers),
  skill('public', ['a.md', 'secret.md'], hers),
  skill('public-holidays', ['a.md'], shared),
]
const child = (uri: string, description: string) => ({ uri, name: 'a', description })

/** The answers of a server to which all callers are one client, the gateway. */
const results: Partial<Record<MethodName, (params: Fields) => Fields>> = {
  'tools/list': () => ({
    tools: [
      { name: 'get_a', description: shared },
      { name: 'delete_user', description: hers },
    ],
  }),
  'tools/call': ({ name }) => ({ content: [{ type: 'text', text: name === 'get_a' ? shared : hers }] }),
  'prompts/list': () => ({ prompts: [{ name: 'plan', description: hers }] }),
  'prompts/get': () => ({ messages: [], description: hers }),
  'resources/list': () => ({
    resources: [
      child('skill://public/a.md', shared),
      child('skill://payroll/a.md', hers),
      child('skill://public/secret.md', hers),
    ],
  }),
  'resources/templates/list': () => ({
    resourceTemplates: [
      { uriTemplate: 'skill://public/{file}', name: 'a', description: shared },
      { uriTemplate: 'skill://payroll/{file}', name: 'a', description: hers },
    ],
  }),
  'resources/read': ({ uri }) => ({ contents: [{ uri, text: hers }] }),
  'resources/directory/read': ({ uri }) => ({
    resources: [
      child(`${uri}/a.md`, shared),
      child(`${uri}/secret.md`, hers),
      child('skill://payroll/a.md', hers),
    ],
  }),
  'skills/list': () => ({ skills }),
  'skills/get': ({ uri }) => ({ skill: skills.find(skill => skill.uri === uri) }),
  'completion/complete': () => ({ completion: { values: [hers] } }),
  'tasks/get': ({ taskId }) => ({
    taskId,
    status: 'completed',
    result: { content: [{ type: 'text', text: hers }] },
  }),
  'tasks/result': () => ({ content: [{ type: 'text', text: hers }] }),
  'tasks/cancel': ({ taskId }) => ({ taskId, status: 'cancelled', statusMessage: hers }),
  'tasks/update': ({ taskId }) => ({ taskId, status: 'working', statusMessage: hers }),
}

/** Answers as listed above, in events if `leg.stream` is set. */
function serve(leg: { stream: boolean }): Answer {
  const tasks: string[] = []
  const task = (taskId: string) => ({ taskId, status: 'working', statusMessage: hers, createdAt: '', ttl: 1 })
  const create = (): Fields => task(tasks[tasks.push(`raw-${tasks.length + 1}`) - 1]!)

  function resultOf(method: MethodName, params: Fields, modern: boolean): Fields {
    const { name, task: wanted, requestState } = params
    if (method === 'tools/call' && params['arguments']?.ask === true && requestState === undefined) {
      return { resultType: 'input_required', inputRequests: {}, requestState: `state: ${hers}` }
    }
    if (method === 'tools/call' && name === 'delete_user' && params['arguments']?.task === true) {
      if (modern) return { resultType: 'task', ...create() }
      if (wanted !== undefined) return { task: create() }
    }
    if (method === 'tasks/list') return { tasks: tasks.map(task) }
    return { ...(modern && { resultType: 'complete' }), ...results[method]?.(params) }
  }

  return (arrival, response) => {
    const { id, method, params = {} } = messageOf(arrival) as Fields
    const news = tasks.map(taskId => ({
      jsonrpc: '2.0',
      method: 'notifications/tasks',
      params: task(taskId),
    }))
    if (arrival.method === 'GET') {
      sse(response)
      for (const uri of ['skill://public/a.md', 'skill://payroll/a.md', 'skill://public/secret.md']) {
        const params = { uri, title: uri === 'skill://public/a.md' ? shared : hers }
        response.write(event({ jsonrpc: '2.0', method: 'notifications/resources/updated', params }))
      }
      const list = { jsonrpc: '2.0', id: 'resumed', result: results['tools/list']!({}) }
      return void response.end([list, ...news].map(message => event(message)).join(''))
    }
    if (id === undefined || method === undefined) return void response.writeHead(202).end()
    const modern = arrival.headers['mcp-protocol-version'] === '2026-07-28'
    const answer = { jsonrpc: '2.0', id, result: resultOf(method, params, modern) }
    if (method === 'initialize')
      return json(response, answer, 200, { 'mcp-session-id': `session-${tasks.length}` })
    const listens = method === 'subscriptions/listen'
    if (!leg.stream && !listens) return json(response, answer)
    sse(response)
    const acknowledged = {
      jsonrpc: '2.0',
      method: 'notifications/subscriptions/acknowledged',
      params: { notifications: params['notifications'] },
    }
    const messages = listens ? [acknowledged, ...news, answer] : [answer]
    response.end(messages.map(message => event(message)).join(''))
  }
}

interface Setting {
  /** Sends a message, or opens the stream of a session with `GET`. Returns the answer, and the requests upstream. */
  send(caller: Caller, era: Era, method: string, params?: Fields): Promise<Outcome>
}
interface Outcome {
  readonly status: number
  readonly text: string
  /** The messages in the answer. */
  readonly messages: Fields[]
  /** The requests that went upstream. */
  readonly forwarded: number
}

/** Sends a message as a caller; without a message, GET. */
type Post = (
  caller: Caller,
  headers: Record<string, string>,
  body?: Fields,
  signal?: AbortSignal,
) => Promise<Response>

/** Starts a gateway in front of an upstream. */
async function startBehind(t: Test, upstream: TestUpstream): Promise<Post> {
  const key = (name: Caller): string =>
    `{roles: [${name}], secrets: [{hash: "${hashSecret(secrets[name])}"}]}`
  const gateway = await startTestGateway(
    `
auth: {keys: {type: api-key}}
roles:
  ann: {access: {main: {tools: {allow: ["*"]}, prompts: {allow: ["*"]}, resources: {allow: ["*"]}}}}
  bob: {access: {main: {tools: {allow: ["get_*"]}, resources: {allow: ["skill://public*"], deny: ["*secret*"]}}}}
keys: {ann: ${key('ann')}, bob: ${key('bob')}}
proxies: {main: {auth: [keys], upstream: {url: "${upstream.url}"}}}
`,
    { watch: false },
  )
  t.teardown(async () => {
    await upstream.close()
    await gateway.close()
  })
  return (caller, headers, body, signal) =>
    fetch(`${gateway.url}/main/mcp`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        authorization: `Bearer ${secrets[caller]}`,
        accept: body === undefined ? 'text/event-stream' : 'application/json, text/event-stream',
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    })
}

async function setUp(t: Test, leg: { stream: boolean }): Promise<Setting> {
  const upstream = await startTestUpstream(serve(leg))
  const post = await startBehind(t, upstream)
  const sessions = new Map<Caller, string>()
  async function sessionOf(caller: Caller): Promise<string> {
    if (!sessions.has(caller)) {
      const opened = await post(caller, {}, { jsonrpc: '2.0', id: 0, method: 'initialize', params: {} })
      sessions.set(caller, opened.headers.get('mcp-session-id')!)
    }
    return sessions.get(caller)!
  }
  return {
    async send(caller, era, method, params = {}) {
      const session = era === 'legacy' && method !== 'initialize' ? await sessionOf(caller) : undefined
      const before = upstream.arrivals.length
      const modern = era === 'modern'
      const meta = {
        'io.modelcontextprotocol/protocolVersion': '2026-07-28',
        'io.modelcontextprotocol/clientCapabilities': {
          elicitation: {},
          extensions: { 'io.modelcontextprotocol/tasks': {} },
        },
      }
      const name = params['name'] ?? params['uri'] ?? params['taskId']
      const response = await post(
        caller,
        {
          ...(modern && { 'mcp-protocol-version': '2026-07-28', 'mcp-method': method }),
          ...(modern && name !== undefined && !unclassified.includes(method) && { 'mcp-name': name }),
          ...(session !== undefined && { 'mcp-session-id': session }),
        },
        method === 'GET'
          ? undefined
          : {
              jsonrpc: '2.0',
              ...(!method.startsWith('notifications/') && { id: 1 }),
              method,
              params: { ...params, ...(modern && { _meta: { ...meta, ...params['_meta'] } }) },
            },
      )
      const text = await response.text()
      const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true
      const messages = isStream ? (text.match(/(?<=^data: ).+$/gm) ?? []) : text === '' ? [] : [text]
      const forwarded = upstream.arrivals.length - before
      return {
        status: response.status,
        text,
        messages: messages.map(data => JSON.parse(data) as Fields),
        forwarded,
      }
    },
  }
}

/** Handles that ann was given. */
interface Hers {
  readonly taskId: string
  readonly state: string
}

interface Case {
  /** The message that ann sends, and bob after her. */
  readonly params?: (hers: Hers) => Fields
  /** The eras in which ann gets what is hers; both by default. */
  readonly eras?: readonly Era[]
  /**
   * The outcome for bob: his message is `refused` and not forwarded, its answer is `filtered`, or contains nothing of ann's
   * (`plain`).
   */
  readonly bob: 'refused' | 'filtered' | 'plain'
}

const legacy = ['legacy'] as const
const modern = ['modern'] as const
const plain = { bob: 'plain', eras: [] } as const
const uri = (uri: string) => () => ({ uri })
const ofTask = ({ taskId }: Hers) => ({ taskId })

/** Every classified method, with what is ann's. A newly classified method needs its own case. */
const cases: Record<MethodName, readonly Case[]> = {
  initialize: [plain],
  'notifications/initialized': [plain],
  ping: [plain],
  'server/discover': [plain],
  'tools/list': [{ bob: 'filtered' }],
  'tools/call': [
    { params: () => ({ name: 'delete_user' }), bob: 'refused' },
    { params: ({ state }) => ({ name: 'delete_user', requestState: state }), eras: modern, bob: 'refused' },
    { params: ({ state }) => ({ name: 'get_a', requestState: state }), eras: [], bob: 'refused' },
  ],
  'prompts/list': [{ bob: 'filtered' }],
  'prompts/get': [{ params: () => ({ name: 'plan' }), bob: 'refused' }],
  'resources/list': [{ bob: 'filtered' }],
  'resources/templates/list': [{ bob: 'filtered' }],
  'resources/read': [
    { params: uri('skill://payroll/a.md'), bob: 'refused' },
    { params: uri('skill://public/secret.md'), bob: 'refused' },
  ],
  'resources/subscribe': [{ params: uri('skill://payroll/a.md'), eras: [], bob: 'refused' }],
  'resources/unsubscribe': [{ params: uri('skill://payroll/a.md'), eras: [], bob: 'refused' }],
  'resources/directory/read': [
    { params: uri('skill://payroll'), bob: 'refused' },
    { params: uri('skill://public'), bob: 'filtered' },
  ],
  'skills/list': [{ bob: 'filtered' }],
  'skills/get': [
    { params: uri('skill://payroll/SKILL.md'), bob: 'refused' },
    { params: uri('skill://public/SKILL.md'), bob: 'filtered' },
  ],
  'completion/complete': [
    { params: () => ({ ref: { type: 'ref/prompt', name: 'plan' } }), bob: 'refused' },
    { params: () => ({ ref: { type: 'ref/resource', uri: 'skill://payroll/{file}' } }), bob: 'refused' },
  ],
  'logging/setLevel': [plain],
  'subscriptions/listen': [
    { params: ({ taskId }) => ({ notifications: { taskIds: [taskId] } }), eras: modern, bob: 'refused' },
    {
      params: () => ({
        notifications: { resourceSubscriptions: ['skill://public/a.md', 'skill://payroll/a.md'] },
      }),
      eras: [],
      bob: 'refused',
    },
  ],
  'tasks/get': [{ params: ofTask, bob: 'refused' }],
  'tasks/update': [{ params: ofTask, eras: modern, bob: 'refused' }],
  'tasks/result': [{ params: ofTask, eras: legacy, bob: 'refused' }],
  'tasks/cancel': [{ params: ofTask, bob: 'refused' }],
  'tasks/list': [{ eras: legacy, bob: 'filtered' }],
  'notifications/cancelled': [plain],
  'notifications/progress': [plain],
  'notifications/roots/list_changed': [plain],
  'notifications/tasks/status': [plain],
}

/** Methods that are not classified. */
const unclassified = [
  'events/subscribe',
  'interceptor/invoke',
  'x/y',
  'tools/run',
  'skills/install',
  'tasks/watch',
]

for (const era of ['modern', 'legacy'] as const) {
  for (const stream of [false, true]) {
    t.test(
      `nothing of one caller gets through to another: ${era}, ${stream ? 'events' : 'JSON'}`,
      async t => {
        const leg = { stream: false }
        const { send } = await setUp(t, leg)
        const call = async (args: Fields): Promise<Fields> => {
          const { messages } = await send('ann', era, 'tools/call', {
            name: 'delete_user',
            arguments: args,
            task: {},
          })
          return messages[0]!['result']
        }
        const made = await call({ task: true })
        const given = {
          taskId: era === 'modern' ? made['taskId'] : made['task'].taskId,
          state: era === 'modern' ? (await call({ ask: true }))['requestState'] : '',
        }
        t.notMatch(given.taskId, /^raw/)
        leg.stream = stream

        let through = 0
        for (const method of methodNames) {
          for (const [index, { params, eras = ['modern', 'legacy'], bob }] of cases[method].entries()) {
            const name = `${method} ${index}`
            const sent = params?.(given)
            const ofAnn = await send('ann', era, method, sent)
            const gone = era === 'modern' && method === 'tasks/result'
            if (eras.includes(era)) t.match(ofAnn, { text: new RegExp(hers), forwarded: 1 }, `${name} of ann`)
            if (gone) t.match(ofAnn, { status: 404, forwarded: 0 }, `${name} was removed`)
            const ofBob = await send('bob', era, method, sent)
            if (ofBob.text.includes(hers) || ofBob.text.includes('raw-')) through++
            t.notOk(ofBob.text.includes(hers), `${name} of bob`)
            if (bob === 'refused' || gone) {
              t.match(ofBob, { forwarded: 0, messages: [{ error: {} }] }, `${name} of bob is refused`)
            } else if (bob === 'filtered' && /list$|directory/.test(method)) {
              t.match(
                ofBob,
                { forwarded: 1, status: 200, messages: [{ result: {} }] },
                `${name} of bob is filtered`,
              )
              if (ofAnn.text.includes(shared))
                t.match(ofBob.text, shared, `${name} of bob shows what is for both`)
            }
          }
        }
        for (const method of unclassified) {
          for (const caller of ['ann', 'bob'] as const) {
            const sent = { name: 'get_a', uri: 'skill://public/a.md', taskId: given.taskId }
            const refused = await send(caller, era, method, sent)
            t.match(
              refused,
              { forwarded: 0, messages: [{ error: { code: -32601 } }] },
              `${method} of ${caller}`,
            )
          }
        }
        if (era === 'legacy') {
          const stream = await send('bob', era, 'GET')
          if (stream.text.includes(hers)) through++
          const updated = stream.messages.filter(({ method }) => method === 'notifications/resources/updated')
          t.match(updated, [{ params: { uri: 'skill://public/a.md' } }], 'updates of what bob may read')
          t.match(stream, { forwarded: 1, text: new RegExp(`get_a.*${shared}`) }, 'the stream of a session')
          const whole = await send('ann', era, 'GET')
          t.equal(whole.messages.length, 5, 'the stream of a session of ann')
        }
        t.equal(through, 0)
      },
    )
  }
}

t.test(
  'a client that does not declare tasks gets an error that says so, unless it presents a handle',
  async t => {
    const { send } = await setUp(t, { stream: false })
    const meta = { 'io.modelcontextprotocol/clientCapabilities': {} }
    const made = await send('ann', 'modern', 'tools/call', { name: 'delete_user', arguments: { task: true } })
    const { taskId } = made.messages[0]!['result'] as Hers
    for (const method of ['tasks/get', 'tasks/update', 'tasks/cancel']) {
      const missing = {
        code: -32021,
        data: {
          reason: 'capability_missing',
          requiredCapabilities: { extensions: { 'io.modelcontextprotocol/tasks': {} } },
        },
      }
      for (const taskId of ['raw-1', 'other']) {
        const refused = await send('bob', 'modern', method, { taskId, _meta: meta })
        t.match(refused, { status: 400, forwarded: 0, messages: [{ error: missing }] }, method)
      }
      const unknown = await send('bob', 'modern', method, { taskId, _meta: meta })
      t.match(unknown, { status: 200, forwarded: 0, messages: [{ error: { code: -32602 } }] }, method)
      const own = await send('ann', 'modern', method, { taskId, _meta: meta })
      t.match(own, { status: 200, forwarded: 1 }, `${method} is for the upstream to refuse`)
    }
  },
)

t.test('a list in the answer to another request is filtered, too', async t => {
  // As in the official SDK, an answer goes to the last request of the session with its id.
  let list: Fields | undefined
  const task = { taskId: 'raw-1', status: 'working', statusMessage: hers }
  const lists: Record<string, Fields> = {
    'tools/list': results['tools/list']!({}),
    'tasks/list': { tasks: [task] },
  }
  const upstream = await startTestUpstream((arrival, response) => {
    const { id, method = '', params = {} } = messageOf(arrival)
    const answer = (result: Fields): void => {
      sse(response)
      response.end(event({ jsonrpc: '2.0', id, result }))
    }
    if (method === 'initialize')
      json(response, { jsonrpc: '2.0', id, result: {} }, 200, { 'mcp-session-id': 's' })
    else if (arrival.method === 'GET') answer({ ...list })
    else if (lists[method] !== undefined) {
      list = lists[method]
      if (params['cursor'] === 'end') answer({ ...list })
    } else answer({ ...list })
  })
  const post = await startBehind(t, upstream)
  const opened = await post('bob', {}, { jsonrpc: '2.0', id: 0, method: 'initialize', params: {} })
  const session = { 'mcp-session-id': opened.headers.get('mcp-session-id')! }
  const ask = (method: string, signal?: AbortSignal, more = {}): Promise<Response> =>
    post('bob', session, { jsonrpc: '2.0', id: 1, method, params: { name: 'get_a', ...more } }, signal)

  for (const method of Object.keys(lists)) {
    for (const leaves of [false, true]) {
      const leaving = new AbortController()
      const before = upstream.arrivals.length
      const asked = ask(method, leaving.signal).catch(() => undefined)
      await until(() => upstream.arrivals.length > before, 'the list was asked for')
      if (leaves) leaving.abort()
      if (leaves) await until(() => upstream.arrivals.at(-1)!.aborted, 'the client left')
      // The end of another request with the same id changes nothing.
      await (await ask(method, undefined, { cursor: 'end' })).text()
      for (const more of [{}, { task: {} }]) {
        const text = await (await ask('tools/call', undefined, more)).text()
        t.match(text, '"result"')
        t.notMatch(text, new RegExp(`${hers}|raw-`), `${method}, ${leaves ? 'given up' : 'open'}`)
      }
      const resumed = await (await post('bob', { ...session, 'last-event-id': '1' })).text()
      t.match(resumed, '"result"')
      t.notMatch(resumed, new RegExp(`${hers}|raw-`), `${method}, resumed`)
      leaving.abort()
      await asked
    }
  }
})
