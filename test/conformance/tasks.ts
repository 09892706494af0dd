import { randomUUID } from 'node:crypto'
import { inputRequired } from '@modelcontextprotocol/server'
import type { McpServer } from '@modelcontextprotocol/server'
import { z } from 'zod'
import { textResult } from './content.ts'

const extension = 'io.modelcontextprotocol/tasks'
const capabilitiesKey = 'io.modelcontextprotocol/clientCapabilities'
/** Lifetime of a task in milliseconds. */
const ttlMs = 60_000

type Fields = Record<string, any>
type Task = {
  status: string
  createdAt: string
  lastUpdatedAt: string
  details: Fields
  timer?: NodeJS.Timeout
}
type Call = { id: unknown; method: string; params: Fields; headers: Headers }

export type Tasks = {
  /** Capabilities that the server declares. */
  readonly capabilities: Record<string, Record<string, never>>
  /** Registers the tools that start tasks, and their behavior for clients without tasks. */
  registerTools(server: McpServer): void
  /** Responds to a modern request about tasks. Returns undefined for other or invalid requests. */
  handle(request: Request): Promise<Response | undefined>
  close(): void
}

const question = (message: string): object => ({
  method: 'elicitation/create',
  params: {
    mode: 'form',
    message,
    requestedSchema: {
      type: 'object',
      properties: { name: { type: 'string' }, confirm: { type: 'boolean' } },
    },
  },
})

/**
 * Creates the server side of the Tasks extension (SEP-2663) for the conformance suite, which the SDK does not have. It runs
 * before the SDK's handler, which handles all other requests.
 */
export function createTasks(): Tasks {
  const tasks = new Map<string, Task>()

  function create(): [taskId: string, task: Task] {
    const now = new Date().toISOString()
    const taskId = randomUUID()
    const task = { status: 'working', createdAt: now, lastUpdatedAt: now, details: {} }
    tasks.set(taskId, task)
    return [taskId, task]
  }

  function settle(task: Task, status: string, details: Fields): void {
    if (['completed', 'failed', 'cancelled'].includes(task.status)) return
    clearTimeout(task.timer)
    Object.assign(task, { status, details, lastUpdatedAt: new Date().toISOString() })
  }

  /** Tools by name: each starts a task and returns how it continues. */
  const tools: Record<string, (task: Task, args: Fields, params: Fields) => void> = {
    slow_compute(task, { seconds = 0, label = '' }) {
      const done = (): void => settle(task, 'completed', { result: textResult(`Computed ${label}.`) })
      task.timer = setTimeout(done, Number(seconds) * 1000)
    },
    failing_job(task) {
      const result = { ...textResult('This job always fails.'), isError: true }
      task.timer = setTimeout(() => settle(task, 'completed', { result }), 100)
    },
    protocol_error_job(task) {
      const error = { code: -32603, message: 'The job broke' }
      task.timer = setTimeout(() => settle(task, 'failed', { error }), 100)
    },
    confirm_delete(task) {
      settle(task, 'input_required', { inputRequests: { confirm: question('Delete the file?') } })
    },
    multi_input(task) {
      const inputRequests = { first: question('The first name?'), second: question('The second name?') }
      settle(task, 'input_required', { inputRequests })
    },
    test_tool_with_task(task, _args, { inputResponses }) {
      const { name } = inputResponses.user_name.content as Fields
      settle(task, 'completed', { result: textResult(`Hello, ${name}!`) })
    },
  }

  function call({ id, params }: Call): Response | undefined {
    const begin = tools[params['name']]
    if (begin === undefined) return undefined
    if (!declares(params)) return params['name'] === 'slow_compute' ? undefined : missingCapability(id)
    // It asks before it starts, as the SDK's handler does without tasks.
    if (params['name'] === 'test_tool_with_task' && params['inputResponses'] === undefined) return undefined
    const [taskId, task] = create()
    begin(task, params['arguments'] ?? {}, params)
    const { details: _, timer: __, ...state } = task
    return reply(id, { resultType: 'task', taskId, ...state, ttlMs, pollIntervalMs: 100 })
  }

  function attend({ id, method, params }: Call): Response {
    if (!declares(params)) return missingCapability(id)
    const { taskId } = params
    const task = tasks.get(taskId)
    if (task === undefined) return failure(id, -32602, 'Unknown task')
    if (method === 'tasks/cancel') settle(task, 'cancelled', {})
    if (method === 'tasks/update') update(task, params['inputResponses'] ?? {})
    if (method !== 'tasks/get') return reply(id, { resultType: 'complete' })
    const { details, timer: _, ...state } = task
    return reply(id, { resultType: 'complete', taskId, ...state, ttlMs, pollIntervalMs: 100, ...details })
  }

  function update(task: Task, responses: Fields): void {
    const { inputRequests } = task.details as { inputRequests?: Fields }
    if (inputRequests === undefined) return
    for (const key of Object.keys(responses)) delete inputRequests[key]
    if (Object.keys(inputRequests).length === 0) settle(task, 'completed', { result: textResult('Done.') })
  }

  return {
    capabilities: { [extension]: {} },
    registerTools(server) {
      const greeted = { description: 'Greets', inputSchema: z.object({ name: z.string() }) }
      server.registerTool('greet', greeted, ({ name }) => textResult(`Hello, ${name}!`))
      const computed = { seconds: z.number().optional(), label: z.string().optional() }
      const slow = { description: 'Takes a while', inputSchema: z.object(computed) }
      server.registerTool('slow_compute', slow, ({ label }) => textResult(`Computed ${label ?? ''}.`))
      const asked = { description: 'Asks for a name, then begins a task' }
      server.registerTool('test_tool_with_task', asked, () =>
        inputRequired({
          inputRequests: {
            user_name: inputRequired.elicit({
              message: 'What is your name?',
              requestedSchema: z.object({ name: z.string() }),
            }),
          },
        }),
      )
      for (const name of ['failing_job', 'protocol_error_job', 'confirm_delete', 'multi_input']) {
        server.registerTool(name, { description: 'Needs a client that knows of tasks' }, () => {
          throw new Error('this tool begins a task')
        })
      }
    },
    async handle(request) {
      const message = await readCall(request)
      if (message === undefined || message.headers.get('mcp-method') !== message.method) return undefined
      if (message.method === 'tools/call') {
        return message.headers.get('mcp-name') === message.params['name'] ? call(message) : undefined
      }
      if (!['tasks/get', 'tasks/update', 'tasks/cancel'].includes(message.method)) return undefined
      const { taskId } = message.params
      if ((message.headers.get('mcp-name') ?? taskId) !== taskId) {
        return failure(message.id, -32020, 'Mcp-Name is another than params.taskId', 400)
      }
      return attend(message)
    },
    close() {
      for (const { timer } of tasks.values()) clearTimeout(timer)
    },
  }
}

/** Returns a request of the modern era; undefined for anything else. */
async function readCall(request: Request): Promise<Call | undefined> {
  if (request.method !== 'POST' || request.headers.get('mcp-protocol-version') !== '2026-07-28')
    return undefined
  const message = (await request
    .clone()
    .json()
    .catch(() => undefined)) as Fields | undefined
  if (typeof message?.['method'] !== 'string' || message['id'] === undefined) return undefined
  return {
    id: message['id'],
    method: message['method'],
    params: message['params'] ?? {},
    headers: request.headers,
  }
}

function declares(params: Fields): boolean {
  return params['_meta']?.[capabilitiesKey]?.extensions?.[extension] !== undefined
}

const reply = (id: unknown, result: Fields): Response => Response.json({ jsonrpc: '2.0', id, result })

function failure(id: unknown, code: number, message: string, status = 200, data?: object): Response {
  const error = { code, message, ...(data !== undefined && { data }) }
  return Response.json({ jsonrpc: '2.0', id, error }, { status })
}

function missingCapability(id: unknown): Response {
  const requiredCapabilities = { extensions: { [extension]: {} } }
  return failure(id, -32021, 'The client does not know of tasks', 400, { requiredCapabilities })
}
