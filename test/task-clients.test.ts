import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { InMemoryTaskMessageQueue, InMemoryTaskStore } from '@modelcontextprotocol/sdk/experimental/tasks'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { ElicitRequestSchema, ElicitResultSchema } from '@modelcontextprotocol/sdk/types.js'
import t from 'tap'
import { hashSecret } from '../gateway/auth/api-key/key.ts'
import { startTestGateway } from './fixtures/gateway.ts'

/** A server of the official SDK with one store of tasks for all its sessions. */
async function startTaskServer(): Promise<{ url: string; close(): void }> {
  const taskStore = new InMemoryTaskStore()
  const taskMessageQueue = new InMemoryTaskMessageQueue()
  const transports = new Map<string, StreamableHTTPServerTransport>()
  const http = createServer(async (request, response) => {
    let transport = transports.get(String(request.headers['mcp-session-id']))
    if (transport === undefined) {
      transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        onsessioninitialized: id => void transports.set(id, transport!),
      })
      const server = new McpServer(
        { name: 'tasks', version: '1.0.0' },
        {
          capabilities: { tasks: { list: {}, cancel: {}, requests: { tools: { call: {} } } } },
          taskStore,
          taskMessageQueue,
        },
      )
      server.experimental.tasks.registerToolTask(
        'greet',
        { description: 'asks for a name', execution: { taskSupport: 'required' } },
        {
          async createTask(extra) {
            const task = await extra.taskStore.createTask({ ttl: null, pollInterval: 20 })
            const { taskId } = task
            void (async () => {
              const params = {
                message: 'Who is there?',
                requestedSchema: { type: 'object' as const, properties: {} },
              }
              const answer = await extra.sendRequest(
                { method: 'elicitation/create', params },
                ElicitResultSchema,
                { relatedTask: { taskId }, timeout: 8000 } as never,
              )
              const text = `hello ${JSON.stringify(answer.content)}`
              await extra.taskStore.storeTaskResult(taskId, 'completed', {
                content: [{ type: 'text', text }],
              })
            })()
            return { task }
          },
          getTask: async extra => extra.taskStore.getTask(extra.taskId),
          getTaskResult: async extra => (await extra.taskStore.getTaskResult(extra.taskId)) as never,
        },
      )
      await server.connect(transport as never)
    }
    await transport.handleRequest(request, response)
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`,
    close() {
      taskStore.cleanup()
      http.closeAllConnections()
      http.close()
    },
  }
}

t.test('an official client and server of tasks do through the gateway what they do without it', async t => {
  const server = await startTaskServer()
  t.teardown(() => server.close())
  const secrets = [
    'canary-of-ann-in-the-task-test-0123456789ab',
    'canary-of-bob-in-the-task-test-0123456789ab',
  ]
  const keys = secrets.map(
    (secret, index) => `  key-${index}: {roles: [all], secrets: [{hash: "${hashSecret(secret)}"}]}`,
  )
  const gateway = await startTestGateway(`
auth: {keys: {type: api-key}}
roles: {all: {access: {main: {tools: {allow: ["*"]}}}}}
keys:
${keys.join('\n')}
proxies: {main: {auth: [keys], upstream: {url: "${server.url}"}}}
`)
  t.teardown(gateway.close)

  const connect = async (url: string, secret = ''): Promise<Client> => {
    const client = new Client(
      { name: 'test', version: '1.0.0' },
      { capabilities: { elicitation: { form: {} }, tasks: { requests: { elicitation: { create: {} } } } } },
    )
    client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept', content: { name: 'ann' } }))
    const requestInit = { headers: { authorization: `Bearer ${secret}` } }
    await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }) as never)
    t.teardown(() => client.close())
    return client
  }
  const run = async (client: Client): Promise<{ taskId: string; types: string[]; text: string }> => {
    const seen = { taskId: '', types: [] as string[], text: '' }
    await client.listTools()
    for await (const message of client.experimental.tasks.callToolStream({ name: 'greet', arguments: {} })) {
      if (message.type !== 'taskStatus') seen.types.push(message.type)
      if (message.type === 'taskCreated') seen.taskId = message.task.taskId
      if (message.type === 'result') seen.text = JSON.stringify(message.result.content)
      if (message.type === 'error') seen.text = message.error.message
    }
    return seen
  }

  const direct = await run(await connect(server.url))
  const [ann, bob] = [
    await connect(`${gateway.url}/main/mcp`, secrets[0]),
    await connect(`${gateway.url}/main/mcp`, secrets[1]),
  ]
  const { taskId, ...through } = await run(ann!)
  t.strictSame(through, { types: direct.types, text: direct.text })
  t.strictSame(direct.types, ['taskCreated', 'result'])
  t.not(taskId, direct.taskId)
  t.match(await ann!.experimental.tasks.getTask(taskId), { taskId, status: 'completed' })
  t.strictSame(
    (await ann!.experimental.tasks.listTasks()).tasks.map(task => task.taskId),
    [taskId],
  )
  t.strictSame((await bob!.experimental.tasks.listTasks()).tasks, [])
  for (const id of [taskId, direct.taskId]) {
    await t.rejects(bob!.experimental.tasks.getTask(id), { code: -32602 })
    await t.rejects(bob!.experimental.tasks.cancelTask(id), { code: -32602 })
  }
})
