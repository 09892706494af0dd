import fc from 'fast-check'
import t, { type Test } from 'tap'
import { textOf } from '../gateway/mcp/refusal-table.ts'
import { hashSecret } from '../gateway/auth/api-key/key.ts'
import { sealHandles } from '../gateway/mcp/handles/answer-handles.ts'
import { createGivenTasks } from '../gateway/mcp/handles/given-tasks.ts'
import { openState, openTask, sealTask } from '../gateway/mcp/handles/handle.ts'
import { createSeals } from '../gateway/mcp/handles/seal.ts'
import { startTestGateway, type TestGateway } from './fixtures/gateway.ts'
import { bigState, taskUpstream } from './fixtures/task-upstream.ts'
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

/** Two principals, and more secrets of the same principals. */
const secrets = {
  ann: 'canary-of-ann-in-the-handles-test-0123456789',
  annToo: 'canary-of-ann-after-her-rotation-0123456789',
  bob: 'canary-of-bob-in-the-handles-test-0123456789',
}
type Caller = keyof typeof secrets

const roles = `
  all: {access: {main: {tools: {allow: ["*"]}, prompts: {allow: ["*"]}, resources: {allow: ["*"]}}}}
  getter: {access: {main: {tools: {allow: ["get_*"]}, prompts: {allow: ["*"]}, resources: {allow: ["*"]}}}}`

const key = (name: string, role: string, ...held: string[]): string =>
  `  ${name}: {roles: [${role}], secrets: [${held.join(', ')}]}`
const secret = (caller: Caller, expires = ''): string =>
  `{hash: "${hashSecret(secrets[caller])}"${expires && `, expires: "${expires}"`}}`

interface Setting {
  gateway: TestGateway
  upstream: TestUpstream
  url: string
  /** Writes the configuration with other keys. */
  yaml(keys: string[]): string
}

const everybody = [key('ann', 'all', secret('ann')), key('bob', 'getter', secret('bob'))]

/** Starts a gateway with one proxy in front of a scripted upstream. */
async function setUp(t: Test, answer: Answer, more = '', env = {}): Promise<Setting> {
  const upstream = await startTestUpstream(answer)
  const yaml = (keys: string[]): string => `
auth: {keys: {type: api-key}}
roles: ${roles}
keys:
${keys.join('\n')}
proxies:
  main: {auth: [keys], upstream: {url: "${upstream.url}"}}
${more}`
  const gateway = await startTestGateway(yaml(everybody), { watch: false, env })
  t.teardown(async () => {
    await upstream.close()
    await gateway.close()
  })
  return { gateway, upstream, url: `${gateway.url}/main/mcp`, yaml }
}

async function post(url: string, caller: Caller, body: unknown, headers: Record<string, string> = {}) {
  return fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      authorization: `Bearer ${secrets[caller]}`,
      ...headers,
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
}

t.test('a key gets no session of a deleted key of the same name', async t => {
  const { url, gateway, yaml } = await setUp(t, (arrival, response) =>
    json(response, { jsonrpc: '2.0', id: messageOf(arrival).id, result: {} }, 200, {
      'mcp-session-id': 'upstream-session',
    }),
  )
  const open = async (caller: Caller): Promise<string> =>
    (await post(url, caller, { jsonrpc: '2.0', id: 1, method: 'initialize', params: {} })).headers.get(
      'mcp-session-id',
    )!
  const ping = async (caller: Caller, session: string): Promise<number> =>
    (await post(url, caller, { jsonrpc: '2.0', id: 2, method: 'ping' }, { 'mcp-session-id': session })).status

  const session = await open('ann')
  t.equal(await ping('ann', session), 200)

  gateway.write(yaml([key('ann', 'all', secret('ann', '2999-01-01T00:00:00Z'), secret('annToo'))]))
  await gateway.reload()
  t.equal(await ping('annToo', session), 200, 'while the key is rotated')
  const during = await open('ann')
  t.equal(await ping('annToo', during), 200)

  gateway.write(yaml([key('ann', 'all', secret('annToo'))]))
  await gateway.reload()
  t.equal(await ping('annToo', session), 404, 'the secret that opened it is gone')
  t.equal(await ping('annToo', during), 200, 'opened when the remaining secret existed already')

  gateway.write(yaml([key('ann', 'all', secret('bob'))]))
  await gateway.reload()
  t.equal(await ping('bob', session), 404)
  t.equal(await ping('bob', during), 404, 'another key of the same name')
})

type Answered = Record<string, any>

/** The capabilities of a client of 2026-07-28. */
const capable = { elicitation: {}, extensions: { 'io.modelcontextprotocol/tasks': {} } }

const envelope = (capabilities: object) => ({
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': capabilities,
})

/** Sends a request of 2026-07-28. */
function modern(
  url: string,
  caller: Caller,
  method: string,
  params: Record<string, any>,
  { capabilities = capable as object, headers = {} as Record<string, string> } = {},
) {
  const mirrored = params['name'] ?? params['taskId']
  return post(
    url,
    caller,
    {
      jsonrpc: '2.0',
      id: 1,
      method,
      params: { ...params, _meta: { ...params['_meta'], ...envelope(capabilities) } },
    },
    {
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': method,
      ...(mirrored !== undefined && { 'mcp-name': mirrored }),
      ...headers,
    },
  )
}

/** Sends a request of 2025-11-25 in a session of the caller. */
async function legacy(url: string, caller: Caller, method: string, params: object = {}, id: unknown = 1) {
  const opened = await post(url, caller, { jsonrpc: '2.0', id: 0, method: 'initialize', params: {} })
  return post(
    url,
    caller,
    { jsonrpc: '2.0', ...(id !== undefined && { id }), method, params },
    { 'mcp-session-id': opened.headers.get('mcp-session-id')!, 'mcp-protocol-version': '2025-11-25' },
  )
}

/** Returns the messages of an answer, JSON or events. */
async function messagesOf(response: Response): Promise<Answered[]> {
  const text = await response.text()
  if (!response.headers.get('content-type')!.startsWith('text/event-stream')) return [JSON.parse(text)]
  return text.match(/(?<=^data: ).+$/gm)!.map(data => JSON.parse(data) as Answered)
}
const messageIn = async (response: Response): Promise<Answered> => (await messagesOf(response)).at(-1)!

const unknownTask = { error: { code: -32602, message: 'Unknown task', data: { reason: 'handle_unknown' } } }
const relatedTo = (taskId: string) => ({ _meta: { 'io.modelcontextprotocol/related-task': { taskId } } })

t.test('a task of 2026-07-28 belongs to its caller', async t => {
  const { url, upstream, gateway } = await setUp(t, taskUpstream())
  const create = async (caller: Caller, name: string, args = {}): Promise<string> =>
    (await messageIn(await modern(url, caller, 'tools/call', { name, arguments: args })))['result'].taskId
  const made = await modern(url, 'ann', 'tools/call', { name: 'delete_user' })
  const { result } = await messageIn(made)
  const { taskId } = result
  t.match(result, { resultType: 'task', status: 'working', ...relatedTo(taskId) })
  t.match(taskId, /^[\w-]+\.[\w-]{43}$/)
  t.notMatch(await create('ann', 'delete_user', { stream: true }), /raw/)

  for (const method of ['tasks/get', 'tasks/update', 'tasks/cancel']) {
    for (const stream of [false, true]) {
      const params = { taskId, arguments: { stream } }
      const { result } = await messageIn(await modern(url, 'ann', method, params))
      t.match(result, { taskId, result: relatedTo(taskId) }, method)
      t.match(upstream.arrivals.at(-1), { headers: { 'mcp-name': 'raw-1', 'mcp-method': method } })
      t.match(messageOf(upstream.arrivals.at(-1)!).params, { taskId: 'raw-1' })
      const before = upstream.arrivals.length
      const refused = await modern(url, 'bob', method, params)
      t.equal(refused.status, 200)
      t.match(await refused.json(), { id: 1, ...unknownTask }, method)
      t.match(await messageIn(await modern(url, 'ann', method, { taskId: 'raw-1' })), unknownTask)
      t.match(await messageIn(await modern(url, 'ann', method, { taskId: `${taskId}A` })), unknownTask)
      t.equal(upstream.arrivals.length, before, 'the upstream was not asked')
    }
  }
  await until(() => gateway.lines.filter(line => line['method'] === 'tasks/cancel').length >= 8, 'logged')
  t.match(
    gateway.lines.find(line => line['method'] === 'tasks/cancel'),
    { kind: 'tool', name: 'delete_user', decision: 'allow', rule: '/roles/all/access/main/tools/allow/0' },
  )
  t.notOk(gateway.logText().includes(taskId), 'no handle is logged')
  t.notOk(gateway.logText().includes('raw-1'))

  const [own, other] = [await create('bob', 'get_a'), await create('bob', 'get_b')]
  t.not(own, other)
  t.match(await messageIn(await modern(url, 'bob', 'tasks/get', { taskId: own })), {
    result: { taskId: own },
  })
  t.match((await messageIn(await modern(url, 'bob', 'tools/call', { name: 'delete_user' })))['error'], {
    message: 'Unknown tool: delete_user',
  })
  const related = await modern(url, 'bob', 'tools/call', { name: 'get_a', ...relatedTo(taskId) })
  t.match(await messageIn(related), unknownTask, 'named as the related task')

  const wrongName = await modern(url, 'ann', 'tasks/get', { taskId }, { headers: { 'mcp-name': 'raw-1' } })
  t.equal(wrongName.status, 400)
  t.match(await wrongName.json(), { error: { code: -32020 } })
})

t.test('a subscription covers only tasks of the caller', async t => {
  const { url, upstream, gateway, yaml } = await setUp(t, taskUpstream())
  const { taskId } = (await messageIn(await modern(url, 'ann', 'tools/call', { name: 'delete_user' })))[
    'result'
  ]
  const listen = (caller: Caller, taskIds: unknown) =>
    modern(url, caller, 'subscriptions/listen', { notifications: { taskIds } })

  for (const [caller, taskIds, expected] of [
    ['bob', [taskId], unknownTask],
    ['ann', ['raw-1'], unknownTask],
    ['ann', [taskId, 'raw-1'], unknownTask],
    ['ann', 'raw-1', { error: { code: -32602, data: { reason: 'params_invalid' } } }],
    ['ann', [1], { error: { code: -32602, data: { reason: 'params_invalid' } } }],
    ['ann', Array(1001).fill(taskId), { error: { code: -32602, data: { reason: 'params_invalid' } } }],
  ] as const) {
    t.match(await messageIn(await listen(caller, taskIds)), expected)
  }
  t.equal(upstream.arrivals.length, 1)

  const reader = (await listen('ann', [taskId])).body!.getReader()
  let text = ''
  const read = async (what: string): Promise<void> => {
    while (!text.includes(what)) {
      const { done, value } = await reader.read()
      text += done ? '' : Buffer.from(value).toString()
      if (done) throw new Error(`${what} did not come`)
    }
  }
  await read('"notifications/tasks"')
  await read('\n\n')
  const heard = text.match(/(?<=^data: ).+$/gm)!.map(data => JSON.parse(data) as Answered)
  t.match(messageOf(upstream.arrivals.at(-1)!).params, { notifications: { taskIds: ['raw-1'] } })
  t.strictSame(heard[0]!['params'].notifications.taskIds, [taskId])
  t.match(heard[1]!['params'], { taskId, result: relatedTo(taskId) })
  t.notMatch(text, /raw-/)

  gateway.write(yaml([key('ann', 'getter', secret('ann'))]))
  await gateway.reload()
  await read(textOf('access_reduced'))
  t.match(await messageIn(await listen('ann', [taskId])), unknownTask, 'its tool is denied now')
  t.match(await messageIn(await modern(url, 'ann', 'tasks/get', { taskId })), unknownTask)
  await until(
    () => gateway.lines.some(({ reason, method }) => reason === 'handle_unknown' && method === 'tasks/get'),
    'logged',
  )
  t.match(
    gateway.lines.findLast(({ method }) => method === 'tasks/get'),
    { decision: 'deny', kind: 'tool', name: 'delete_user', rule: '/keys/ann/roles' },
  )
})

t.test('a requestState continues only its operation, for its caller', async t => {
  const { url, upstream } = await setUp(t, taskUpstream())
  const ask = { arguments: { ask: true } }
  const given = await messageIn(await modern(url, 'ann', 'tools/call', { name: 'get_a', ...ask }))
  const { requestState } = given['result']
  t.match(given['result'], { resultType: 'input_required', inputRequests: {} })
  t.not(JSON.stringify(requestState), bigState)

  const again = { ...ask, inputResponses: {} }
  const unknownState = {
    error: { code: -32602, message: 'Unknown requestState', data: { reason: 'handle_unknown' } },
  }
  for (const [what, caller, params] of [
    ['of another', 'bob', { name: 'get_a', requestState, ...again }],
    ['for another tool', 'ann', { name: 'get_b', requestState, ...again }],
    ['as the upstream wrote it', 'ann', { name: 'get_a', requestState: JSON.parse(bigState), ...again }],
    ['changed', 'ann', { name: 'get_a', requestState: `A${requestState}`, ...again }],
    ['empty', 'ann', { name: 'get_a', requestState: '', ...again }],
  ] as const) {
    const refused = await modern(url, caller, 'tools/call', params)
    t.equal(refused.status, 200)
    t.match(await refused.json(), { id: 1, ...unknownState }, what)
  }
  const number = await modern(url, 'ann', 'tools/call', { name: 'get_a', requestState: 1, ...again })
  t.match(await number.json(), { error: { code: -32602, data: { reason: 'params_invalid' } } })
  const prompt = await modern(url, 'ann', 'prompts/get', { name: 'get_a', requestState })
  t.match(await prompt.json(), unknownState, 'for a prompt of the same name')
  t.equal(upstream.arrivals.length, 1)

  await modern(url, 'ann', 'tools/call', { name: 'get_a', requestState, ...again })
  t.ok(
    upstream.arrivals.at(-1)!.body.includes(`"requestState":${bigState},`),
    'the upstream gets the same bytes back',
  )
  t.match(JSON.parse(upstream.arrivals.at(-1)!.body), { params: again }, 'nothing else changed')
})

t.test('tasks of 2025-11-25 belong to their caller', async t => {
  const { url, upstream, gateway, yaml } = await setUp(t, taskUpstream())
  const create = async (caller: Caller, name: string): Promise<string> =>
    (await messageIn(await legacy(url, caller, 'tools/call', { name, task: { ttl: 1 } })))['result'].task
      .taskId
  const list = async (caller: Caller): Promise<string[]> =>
    (await messageIn(await legacy(url, caller, 'tasks/list')))['result'].tasks.map(
      ({ taskId }: Answered) => taskId,
    )
  const hers = [await create('ann', 'delete_user'), await create('ann', 'get_a')]
  const his = await create('bob', 'get_a')
  t.strictSame(await list('ann'), hers)
  t.strictSame(await list('bob'), [his])

  for (const method of ['tasks/get', 'tasks/cancel', 'tasks/result']) {
    const answers = await messagesOf(await legacy(url, 'ann', method, { taskId: hers[0] }))
    t.match(messageOf(upstream.arrivals.at(-1)!).params, { taskId: 'raw-1' })
    t.notMatch(JSON.stringify(answers), /raw-/, method)
    t.ok(JSON.stringify(answers).includes(hers[0]!), method)
    if (method === 'tasks/result') {
      t.match(
        answers.map(({ params, result }) => params ?? result),
        [relatedTo(hers[0]!), relatedTo(hers[0]!), relatedTo(hers[0]!)],
      )
    }
    for (const taskId of [his, 'raw-1', 'raw-3']) {
      t.match(await messageIn(await legacy(url, 'ann', method, { taskId })), unknownTask, method)
    }
    t.match(await messageIn(await legacy(url, 'bob', method, { taskId: hers[1] })), unknownTask, method)
    const missing = await messageIn(await legacy(url, 'bob', method, {}))
    t.match(missing, { error: { data: { reason: 'params_invalid' } } }, method)
  }

  gateway.write(yaml([key('ann', 'getter', secret('ann')), key('bob', 'getter', secret('bob'))]))
  await gateway.reload()
  t.strictSame(await list('ann'), [hers[1]], 'without the one whose tool was taken away')
  t.match(await messageIn(await legacy(url, 'ann', 'tasks/result', { taskId: hers[0] })), unknownTask)
})

t.test('notifications about tasks reach their caller, and those of clients reach the upstream', async t => {
  const { url, upstream } = await setUp(t, taskUpstream())
  const open = async (caller: Caller): Promise<() => Promise<string>> => {
    const opened = await post(url, caller, { jsonrpc: '2.0', id: 0, method: 'initialize', params: {} })
    const stream = await fetch(url, {
      headers: {
        authorization: `Bearer ${secrets[caller]}`,
        accept: 'text/event-stream',
        'mcp-session-id': opened.headers.get('mcp-session-id')!,
      },
    })
    return async () => {
      let text = ''
      for await (const chunk of stream.body!) {
        text += Buffer.from(chunk).toString()
        if (text.includes('"end"')) break
      }
      return text
    }
  }
  const made = await messageIn(await legacy(url, 'ann', 'tools/call', { name: 'delete_user', task: {} }))
  const { taskId } = made['result'].task
  const [annHears, bobHears] = [await open('ann'), await open('bob')]
  await until(() => upstream.arrivals.filter(({ method }) => method === 'GET').length === 2, 'both listen')
  await legacy(url, 'ann', 'tools/call', { name: 'announce' })
  const [hers, his] = [await annHears(), await bobHears()]
  t.match(hers, `"notifications/tasks/status","params":{"taskId":"${taskId}"`)
  t.match(
    hers,
    `"notifications/message","params":{"data":5,"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"${taskId}"}}`,
  )
  t.match(
    hers,
    `"sampling/createMessage","params":{"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"${taskId}"}}`,
  )
  t.match(hers, '"tasks/get","params":{"taskId":"made-by-the-client"}')
  t.notMatch(hers, /raw-/)
  t.notMatch(his, /tasks\/status|"data":5|raw-/)
  t.notOk(his.includes(taskId))

  const session = (
    await post(url, 'ann', { jsonrpc: '2.0', id: 0, method: 'initialize', params: {} })
  ).headers.get('mcp-session-id')!
  const send = async (caller: Caller, message: object): Promise<number> =>
    (
      await post(
        url,
        caller,
        { jsonrpc: '2.0', ...message },
        caller === 'ann' ? { 'mcp-session-id': session } : {},
      )
    ).status
  const last = (): string => upstream.arrivals.at(-1)!.body
  for (const [message, what] of [
    [{ id: 8, result: { model: 'm', ...relatedTo(taskId) } }, 'a response'],
    [{ method: 'notifications/progress', params: { progress: 1, ...relatedTo(taskId) } }, 'a notification'],
  ] as const) {
    t.equal(await send('ann', message), 202, what)
    t.match(last(), '"io.modelcontextprotocol/related-task":{"taskId":"raw-1"}', what)
    t.equal(await send('bob', message), 400, what)
    t.equal(await send('bob', JSON.parse(JSON.stringify(message).replaceAll(taskId, 'raw-1'))), 400, what)
  }
  for (const message of [
    { id: 8, result: { task: { taskId: 'made-by-the-client' } } },
    { id: 8, result: { content: [], ...relatedTo('made-by-the-client') } },
    { method: 'notifications/tasks/status', params: { taskId: 'made-by-the-client', status: 'working' } },
  ]) {
    t.equal(await send('ann', message), 202)
    t.equal(last(), JSON.stringify({ jsonrpc: '2.0', ...message }), 'tasks of the client pass unchanged')
  }
})

t.test('waiting for the result of a task ends when its tool is denied', async t => {
  const { url, upstream, gateway, yaml } = await setUp(t, (arrival, response) => {
    const { id, method } = messageOf(arrival)
    if (method !== 'tasks/result') json(response, { jsonrpc: '2.0', id, result: { task: { taskId: 'raw' } } })
    else sse(response)
  })
  const call = (id: number, method: string, params: object) =>
    post(url, 'ann', { jsonrpc: '2.0', id, method, params })
  const made = await messageIn(await call(1, 'tools/call', { name: 'delete_user', task: {} }))
  const { taskId } = made['result'].task
  const waiting = await call(2, 'tasks/result', { taskId })
  gateway.write(yaml([key('ann', 'getter', secret('ann'))]))
  await gateway.reload()
  t.match(await messagesOf(waiting), [{ id: 2, error: { data: { reason: 'forbidden' } } }])
  await until(() => upstream.arrivals.at(-1)!.aborted, 'the upstream call is given up')
  t.match(await messageIn(await call(3, 'tasks/result', { taskId })), unknownTask)
})

t.test('an answer without handles passes byte for byte, whatever the client declared', async t => {
  const odd = (id: unknown, inner: string): string =>
    `{ "jsonrpc":"2.0" ,"id":${JSON.stringify(id)}, "result":{${inner}}}`
  const answers: Record<string, string> = {
    get_plain: '"content":[ ],"n":1.0e2',
    get_mentions:
      '"content":[{"type":"text","text":"\\"taskId\\": \\u0022raw\\u0022"}],"structuredContent":{"taskId":"raw-1","task":{"taskId":"raw-1"}}',
    get_large: `"content":[{"type":"text","text":"${'x'.repeat(9 * 1024 * 1024)}"}]`,
  }
  const { url, upstream } = await setUp(t, (arrival, response) => {
    const { id, params } = messageOf(arrival)
    json(response, odd(id, answers[params!['name'] as string]!))
  })
  for (const [name, inner] of Object.entries(answers)) {
    for (const capabilities of [capable, {}]) {
      const answer = await (await modern(url, 'ann', 'tools/call', { name }, { capabilities })).text()
      t.ok(answer === odd(1, inner), `${name} ${JSON.stringify(capabilities)}`)
    }
    const asked = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, task: {} } }
    const answer = await (await post(url, 'ann', asked)).text()
    t.ok(answer === odd(1, inner), `${name} in a legacy session`)
  }
  const body = `{"jsonrpc" : "2.0","id":1,"method":"tools/call","params":{"name":"get_plain","arguments":{"taskId":"raw-1","requestState":"s"}} }`
  await post(url, 'ann', body)
  t.equal(upstream.arrivals.at(-1)!.body, body, 'so does a request')
})

t.test('handles are sealed in answers of several MiB', async t => {
  const content = [{ type: 'text', text: '\u00e9'.repeat(2 * 1024 * 1024) }]
  const { url } = await setUp(t, (arrival, response) => {
    const { id, method } = messageOf(arrival)
    const began = method === 'tools/call'
    json(response, {
      jsonrpc: '2.0',
      id,
      result: { content, resultType: began ? 'task' : 'complete', taskId: 'raw' },
    })
  })
  const made = (await messageIn(await modern(url, 'ann', 'tools/call', { name: 'get_a' })))['result']
  t.not(made.taskId, 'raw')
  const { result } = await messageIn(await modern(url, 'ann', 'tasks/get', { taskId: made.taskId }))
  t.equal(result.taskId, made.taskId)
  t.ok(result.content[0].text === content[0]!.text)
})

t.test('a client can use a handle, even if it declared no capability', async t => {
  const { url, upstream } = await setUp(t, (arrival, response) => {
    const { id, params } = messageOf(arrival)
    const result = { resultType: 'input_required', requestState: 'raw-state' }
    if (params!['requestState'] !== undefined)
      json(response, { jsonrpc: '2.0', id, result: { resultType: 'complete' } })
    else if (params!['name'] === 'get_json') json(response, { jsonrpc: '2.0', id, result })
    else {
      sse(response)
      response.write(event({ jsonrpc: '2.0', method: 'notifications/progress', params: { progress: 1 } }))
      setTimeout(() => response.end(event({ jsonrpc: '2.0', id, result })), 20)
    }
  })
  for (const name of ['get_json', 'get_events']) {
    const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name } }
    const old = await messageIn(await post(url, 'ann', call))
    t.not(old['result'].requestState, 'raw-state', `${name} in a legacy session`)
    const options = { capabilities: {} }
    const given = await messageIn(await modern(url, 'ann', 'tools/call', { name }, options))
    const { requestState } = given['result']
    t.not(requestState, 'raw-state', name)
    const answer = await messageIn(await modern(url, 'ann', 'tools/call', { name, requestState }, options))
    t.strictSame(answer['result'], { resultType: 'complete' }, name)
    t.match(messageOf(upstream.arrivals.at(-1)!).params, { requestState: 'raw-state' })
    const raw = { name, requestState: 'raw-state' }
    t.match(
      await messageIn(await modern(url, 'ann', 'tools/call', raw, options)),
      { error: { code: -32602 } },
      name,
    )
  }
})

t.test('an answer with a name that ends in State passes', async t => {
  const answers = ['"prevState"', '"State"', '"requeststate"', '"xrequestState"'].map(name =>
    Buffer.from(`{"jsonrpc":"2.0","id":1,"result":{${name}:"\xff\xfe"}}`, 'latin1'),
  )
  let answer = answers[0]!
  const { url } = await setUp(t, (_, response) => {
    response
      .writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length })
      .end(answer)
  })
  const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'get_json' } }
  for (answer of answers) {
    const passed = Buffer.from(await (await post(url, 'ann', call)).arrayBuffer())
    t.ok(passed.equals(answer), `${answer.toString('latin1')} passes byte for byte`)
  }
})

t.test('a handle that two parsers could read differently is refused', async t => {
  const { url, upstream } = await setUp(t, taskUpstream())
  const made = await messageIn(await legacy(url, 'ann', 'tools/call', { name: 'delete_user', task: {} }))
  const { taskId } = made['result'].task
  const before = upstream.arrivals.length
  const related = '"_meta":{"io.modelcontextprotocol/related-task"'
  for (const message of [
    `"id":1,"method":"tasks/get","params":{"taskId":"${taskId}","taskId":"raw-1"}`,
    `"id":1,"method":"tasks/get","params":{"taskId":"${taskId}","TaskId":"raw-1"}`,
    `"id":1,"method":"tasks/get","params":{"taskId":"${taskId}","task\u0049d":"raw-1"}`,
    '"id":1,"method":"tools/call","params":{"name":"get_a","requestState":"a","requeststate":"b"}',
    `"id":1,"method":"tools/call","params":{"name":"get_a",${related}:{"taskId":"${taskId}","taskId":"raw-1"}}}`,
    `"id":1,"method":"tools/call","params":{"name":"get_a",${related}:{"TASKID":"raw-1"}}}`,
    `"id":1,"method":"tools/call","params":{"name":"get_a",${related}:{},"io.modelcontextprotocol/related-task":{"taskId":"raw-1"}}}`,
    `"id":1,"result":{${related}:{"taskId":"${taskId}"}},"_meta":{}}`,
    `"id":1,"result":{"_META":{},${related}:{"taskId":"raw-1"}}}`,
    `"id":1,"method":"subscriptions/listen","params":{"notifications":{"taskIds":[],"taskids":["raw-1"]}}`,
    `"method":"Tasks/get","id":1,"params":{"taskId":"raw-1"}`,
    `"method":"tasks/get ","id":1,"params":{"taskId":"raw-1"}`,
    `"method":"tasks/cancel","params":{"taskId":"${taskId}"}`,
  ]) {
    const answer = await post(url, 'ann', `{"jsonrpc":"2.0",${message}}`)
    t.equal(answer.status, 400, message.replaceAll(taskId, 'HANDLE'))
  }
  const get = `{"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"taskId":"${taskId}"}}`
  const batch = await post(url, 'ann', `[${get},{"jsonrpc":"2.0","id":2,"method":"ping"}]`)
  t.match(await batch.json(), [
    { id: 1, error: { code: -32600 } },
    { id: 2, error: { code: -32600 } },
  ])
  const responses = `[{"jsonrpc":"2.0","id":1,"result":{"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"${taskId}"}}}}]`
  t.equal((await post(url, 'ann', responses)).status, 400, 'in a batch of responses')
  t.equal(upstream.arrivals.length, before)
  t.equal((await post(url, 'ann', `[{"jsonrpc":"2.0","id":1,"result":{"model":"m"}}]`)).status, 202)
  t.match(await messageIn(await modern(url, 'ann', 'tasks/result', { taskId })), { error: { code: -32601 } })
})

t.test('any replica with the same secret opens a handle', async t => {
  const more = 'sessions: {secret: {env: SESSION_SECRET}}'
  const env = { SESSION_SECRET: 'a secret of the replicas, 0123456789abcdef' }
  const answer = taskUpstream()
  const one = await setUp(t, answer, more, env)
  const other = await setUp(t, answer, more, env)
  const stranger = await setUp(t, answer, more, { SESSION_SECRET: `${env.SESSION_SECRET}x` })
  const made = await messageIn(await legacy(one.url, 'ann', 'tools/call', { name: 'get_a', task: {} }))
  const { taskId } = made['result'].task
  const list = async (caller: Caller): Promise<unknown> =>
    (await messageIn(await legacy(other.url, caller, 'tasks/list')))['result'].tasks.map(
      (task: Answered) => task['taskId'],
    )
  t.strictSame(await list('ann'), [], 'what the replica cannot know to be hers is not listed')
  t.match(await messageIn(await legacy(other.url, 'ann', 'tasks/get', { taskId })), { result: { taskId } })
  t.strictSame(await list('ann'), [taskId], 'until she asks for it')
  t.strictSame(await list('bob'), [])
  t.match(await messageIn(await legacy(stranger.url, 'ann', 'tasks/get', { taskId })), unknownTask)
})

t.test('handles outlast a rotation, but not the secret under which they were sealed', async t => {
  const { url, gateway, yaml } = await setUp(t, taskUpstream())
  const create = async (caller: Caller): Promise<string> =>
    (await messageIn(await modern(url, caller, 'tools/call', { name: 'get_a' })))['result'].taskId
  const get = async (caller: Caller, taskId: string): Promise<Answered> =>
    messageIn(await modern(url, caller, 'tasks/get', { taskId }))
  const before = await create('ann')
  gateway.write(yaml([key('ann', 'all', secret('ann', '2999-01-01T00:00:00Z'), secret('annToo'))]))
  await gateway.reload()
  t.match(await get('annToo', before), { result: { taskId: before } })
  const during = await create('ann')
  gateway.write(yaml([key('ann', 'all', secret('annToo'))]))
  await gateway.reload()
  t.match(await get('annToo', before), unknownTask)
  t.match(await get('annToo', during), { result: { taskId: during } })
  gateway.write(yaml([key('ann', 'all', secret('bob'))]))
  await gateway.reload()
  t.match(await get('bob', during), unknownTask, 'another key of the same name')
})

t.test('all workers know the tasks that one of them gave', async t => {
  const { url } = await setUp(t, taskUpstream(), 'workers: 3')
  const anew = { connection: 'close' }
  const send = async (caller: Caller, method: string, params: object): Promise<Answered> =>
    messageIn(await post(url, caller, { jsonrpc: '2.0', id: 1, method, params }, anew))
  const handles: string[] = []
  for (let index = 0; index < 12; index++)
    handles.push((await send('ann', 'tools/call', { name: 'get_a', task: {} }))['result'].task.taskId)
  const list = async (caller: Caller): Promise<string[]> =>
    (await send(caller, 'tasks/list', {}))['result'].tasks.map((task: Answered) => task['taskId'])
  for (let index = 0; index < 12; index++) {
    await until(async () => (await list('ann')).length === handles.length, 'all are listed')
    t.strictSame(await list('ann'), handles)
    t.strictSame(await list('bob'), [])
  }
})

t.test('a handle is valid only on its proxy, also with auth: none', async t => {
  const { url, gateway, upstream, yaml } = await setUp(t, taskUpstream())
  gateway.write(`${yaml(everybody)}
  open: {auth: none, upstream: {url: "${upstream.url}"}}
  other: {auth: none, upstream: {url: "${upstream.url}"}}`)
  await gateway.reload()
  const [open, other] = [`${gateway.url}/open/mcp`, `${gateway.url}/other/mcp`]
  const made = await messageIn(await legacy(open, 'ann', 'tools/call', { name: 'delete_user', task: {} }))
  const { taskId } = made['result'].task
  t.notMatch(taskId, 'raw')
  const get = async (at: string, handle: string): Promise<Answered> =>
    messageIn(await modern(at, 'bob', 'tasks/get', { taskId: handle }))
  t.match(await get(open, taskId), { result: { taskId } }, 'all callers are one there')
  t.match(await get(other, taskId), unknownTask)
  t.match(await get(url, taskId), unknownTask)
  t.match(await get(open, 'raw-1'), unknownTask)
  t.match((await messageIn(await legacy(open, 'bob', 'tasks/list')))['result'].tasks, [{ taskId }])
  t.strictSame((await messageIn(await legacy(other, 'bob', 'tasks/list')))['result'].tasks, [])
})

t.test('a requestState of a task continues the operation that created the task', async t => {
  const { url, upstream } = await setUp(t, (arrival, response) => {
    const { id, method } = messageOf(arrival)
    const began = method === 'tools/call'
    const result = {
      resultType: began ? 'task' : 'complete',
      taskId: 'raw',
      ...(!began && { requestState: 'raw-state' }),
    }
    json(response, { jsonrpc: '2.0', id, result })
  })
  const begin = async (name: string): Promise<string> =>
    (await messageIn(await modern(url, 'ann', 'tools/call', { name })))['result'].taskId
  const taskId = await begin('get_a')
  const { result } = await messageIn(await modern(url, 'ann', 'tasks/get', { taskId }))
  const update = { taskId, requestState: result.requestState, inputResponses: {} }
  t.match(await messageIn(await modern(url, 'ann', 'tasks/update', update)), { result: { taskId } })
  t.match(messageOf(upstream.arrivals.at(-1)!).params, { taskId: 'raw', requestState: 'raw-state' })
  const another = { ...update, taskId: await begin('get_b') }
  t.match(await messageIn(await modern(url, 'ann', 'tasks/update', another)), {
    error: { message: 'Unknown requestState' },
  })
})

t.test('messages that arrive before their task do not reveal its id', async t => {
  const { url } = await setUp(t, (arrival, response) => {
    sse(response)
    const about = { _meta: { 'io.modelcontextprotocol/related-task': { taskId: 'raw' } } }
    response.write(
      event({ jsonrpc: '2.0', method: 'notifications/progress', params: { progress: 1, ...about } }),
    )
    response.write(event({ jsonrpc: '2.0', id: 3, method: 'elicitation/create', params: about }))
    const { id } = messageOf(arrival)
    response.end(event({ jsonrpc: '2.0', id, result: { task: { taskId: 'raw' }, ...about } }))
  })
  const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'get_a', task: {} } }
  const [progress, asked, made] = await messagesOf(await post(url, 'ann', call))
  const key = 'io.modelcontextprotocol/related-task'
  const { taskId } = made!['result'].task
  t.equal(made!['result']['_meta'][key].taskId, taskId)
  for (const { params } of [progress!, asked!]) {
    const reference = params['_meta'][key].taskId
    t.notMatch(reference, 'raw')
    const response = { jsonrpc: '2.0', id: 3, result: { action: 'accept', ...relatedTo(reference) } }
    t.not((await post(url, 'ann', response)).status, 400, 'she can refer to it')
    t.equal((await post(url, 'bob', response)).status, 400, 'he cannot')
    t.match(
      await messageIn(await modern(url, 'ann', 'tasks/get', { taskId: reference })),
      unknownTask,
      'but not read it',
    )
  }
})

t.test('the record of given tasks is bounded, and one caller cannot fill it', async t => {
  const given = createGivenTasks()
  const owner = (identity: string) => ({ identities: [identity], proxy: 'main' })
  const give = (id: string, identity: string): void =>
    given.give({ id, proxy: 'main', identity, handle: `handle-${id}` })
  give('first', 'bob')
  for (let index = 0; index < 3000; index++) give(`${index}`, 'ann')
  t.equal(given.handle('first', owner('bob')), 'handle-first')
  t.equal(given.handle('first', owner('ann')), undefined)
  t.ok(given.isOthers('first', owner('ann')))
  t.notOk(given.isOthers('first', owner('bob')))
  t.equal(given.handle('1999', owner('ann')), undefined, 'the oldest of hers is dropped')
  t.equal(given.handle('2000', owner('ann')), 'handle-2000')
  t.equal(given.handle('2000', { identities: ['ann'], proxy: 'other' }), undefined)
  for (let index = 0; index < 12_000; index++) give(`${index}`, `caller-${index % 100}`)
  t.equal(given.handle('first', owner('bob')), undefined)
  t.equal(given.handle('11999', owner('caller-99')), 'handle-11999')
  give('11999', 'bob')
  t.notOk(given.isOthers('11999', owner('caller-99')))
  t.equal(given.handle('11999', owner('caller-99')), 'handle-11999', 'an id that both were given')
  give('x'.repeat(5000), 'bob')
  t.equal(given.handle('x'.repeat(5000), owner('bob')), undefined)
})

t.test('Mcp-Name and the body name the same task to the upstream, whatever its id', async t => {
  const ids = [
    'plain',
    'two words',
    ' blank ',
    '=?base64?cGxhaW4=?=',
    '=?base64?',
    '\u00e4\u{1f600}',
    'a\nb',
    '"\\\u0000',
    'x'.repeat(2000),
  ]
  const left = [...ids]
  const { url, upstream } = await setUp(t, (arrival, response) => {
    const { id, method } = messageOf(arrival)
    const taskId = method === 'tools/call' ? left.shift() : messageOf(arrival).params!['taskId']
    json(response, {
      jsonrpc: '2.0',
      id,
      result: { resultType: method === 'tools/call' ? 'task' : 'complete', taskId },
    })
  })
  const decode = (value: string): string => {
    const [, encoded] = /^=\?base64\?(.*)\?=$/.exec(value) ?? []
    return encoded === undefined ? value : Buffer.from(encoded, 'base64').toString()
  }
  for (const id of ids) {
    const { taskId } = (await messageIn(await modern(url, 'ann', 'tools/call', { name: 'get_a' })))['result']
    const encoded = { 'mcp-name': `=?base64?${Buffer.from(taskId).toString('base64')}?=` }
    for (const headers of [{}, encoded] as Record<string, string>[]) {
      const answer = await messageIn(await modern(url, 'ann', 'tasks/get', { taskId }, { headers }))
      t.equal(answer['result'].taskId, taskId)
      const arrival = upstream.arrivals.at(-1)!
      t.equal(messageOf(arrival).params!['taskId'], id)
      t.equal(decode(arrival.headers['mcp-name'] as string), id, JSON.stringify(id.slice(0, 20)))
    }
  }
})

t.test('sealing changes the handles of a message and nothing else', async t => {
  const seals = createSeals('a'.repeat(32))
  const owner = { identities: ['key:ann'], proxy: 'main' }
  const operation = { method: 'tools/call', kind: 'tool', name: 'get_a' } as const
  const handles = {
    seals,
    owner,
    given: createGivenTasks(),
    operation,
    presented: new Map(),
    judge: () => true,
  }
  const related = 'io.modelcontextprotocol/related-task'
  const name = fc.constantFrom('a', 'content', 'text', 'taskIds', 'status', '__proto__', 'requeststates')
  const value = fc.letrec(tie => ({
    any: fc.oneof(fc.jsonValue({ maxDepth: 2 }), tie('object')),
    object: fc.dictionary(name, tie('any'), { maxKeys: 4 }),
  })).object
  fc.assert(
    fc.property(
      value,
      fc.string(),
      fc.string(),
      fc.constantFrom('', '  ', '\n\t'),
      fc.boolean(),
      (rest, id, state, space, legacy) => {
        const handle = sealTask(seals, owner, { id, operation })
        const result = {
          ...(rest as object),
          ...(legacy ? { task: { taskId: id } } : { resultType: 'task', taskId: id }),
        }
        const message = {
          jsonrpc: '2.0',
          id: 1,
          result: { ...result, requestState: state, _meta: { [related]: { taskId: id } } },
        }
        const text = JSON.stringify(message, null, space)
        const sealed = JSON.parse(sealHandles(text, { ...handles, legacy, method: 'tools/call' })!)
        const expected = JSON.parse(text)
        if (legacy) expected.result.task.taskId = handle
        else expected.result.taskId = handle
        expected.result['_meta'][related].taskId = handle
        expected.result.requestState = sealed.result.requestState
        const untouched = JSON.stringify({ jsonrpc: '2.0', id: 1, result: rest }, null, space)
        return (
          JSON.stringify(sealed) === JSON.stringify(expected) &&
          openTask(seals, owner, handle)!.id === id &&
          openState(seals, owner, sealed.result.requestState, operation) === JSON.stringify(state) &&
          sealHandles(untouched, { ...handles, legacy, method: 'tools/call' }) === untouched
        )
      },
    ),
    { numRuns: 500 },
  )
  t.pass('500 messages')
})
