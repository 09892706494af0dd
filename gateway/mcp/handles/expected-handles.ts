import type { Era } from '../era.ts'
import { Refusal } from '../errors.ts'
import type { Message } from '../message.ts'
import { ruleOf } from '../methods.ts'
import { isHandle } from './presented-handles.ts'

const capabilitiesKey = 'io.modelcontextprotocol/clientCapabilities'
const tasksExtension = 'io.modelcontextprotocol/tasks'
/** Capabilities of clients that can be asked for input and continue with a `requestState`, or that support tasks. */
const askable = ['elicitation', 'sampling', 'roots', 'tasks']
/** Frequent methods whose results contain no handles. */
const plain: ReadonlySet<string> = new Set([
  'server/discover',
  'tools/list',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
  'completion/complete',
])

/**
 * Returns whether the result of a request may contain a handle that the caller can use. That is so if the client declared,
 * for this request, support for tasks or for input requests (MCP 2026-07-28, Multi Round-Trip Requests, and its tasks
 * extension), or if it asks for a task (MCP 2025-11-25, Tasks) or about one.
 */
export function expectsHandles({ kind, method, params }: Message, era: Era | undefined): boolean {
  if (kind !== 'request' || method === undefined) return false
  if (method.startsWith('tasks/')) return true
  if (params === undefined || plain.has(method)) return false
  if (era !== 'modern') return params['task'] !== undefined
  if (method === 'subscriptions/listen') return get(params['notifications'], 'taskIds') !== undefined
  if (declaresTasks(params)) return true
  const capabilities = get(params['_meta'], capabilitiesKey)
  return askable.some(name => get(capabilities, name) !== undefined)
}

/**
 * Refuses a task method from a client that does not declare support for tasks (MCP 2026-07-28, Missing Required
 * Capabilities). Sealed task ids pass, and are judged later.
 *
 * @throws Refusal `capability_missing`
 */
export function requireTasks({ id, method, params }: Message): void {
  const taskId = params?.['taskId']
  if (method === undefined || ruleOf(method)?.task !== true) return
  if (typeof taskId !== 'string' || isHandle(taskId)) return
  if (declaresTasks(params)) return
  throw new Refusal('capability_missing', {
    values: { method, capability: tasksExtension },
    id,
    data: { requiredCapabilities: { extensions: { [tasksExtension]: {} } } },
  })
}

function declaresTasks(params: Message['params']): boolean {
  return get(get(get(params?.['_meta'], capabilitiesKey), 'extensions'), tasksExtension) !== undefined
}

function get(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
}
