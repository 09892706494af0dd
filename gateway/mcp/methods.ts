import type { MethodName } from '../values/method-names.ts'
import { foldCase } from './json.ts'

/** What kind of thing a method names. */
export type NamedKind = 'tool' | 'prompt' | 'resource'

/** The member of a result that holds items, or the one item, that the caller may not be allowed to see. */
export type ListMember = 'tools' | 'prompts' | 'resources' | 'resourceTemplates' | 'skills' | 'skill'

/** What the gateway knows of a method that clients send. */
export interface MethodRule {
  /** What its name is judged as, and the member of `params` that holds the name. */
  readonly names?: { readonly kind: NamedKind; readonly member: 'name' | 'uri' } | undefined
  /** The member of its result that is filtered, where the result lists what rules are about. */
  readonly lists?: ListMember | undefined
  /** It names what rules are about, or several of them, elsewhere in `params`; these are judged. */
  readonly refers?: true | undefined
  /** It is about the task whose id is in `params.taskId`. */
  readonly task?: true | undefined
  /** A session cannot do without it, so no rule takes it away. */
  readonly lifecycle?: true | undefined
  /** It is a request, and so must have an id; a notification has none. */
  readonly answered: boolean
}

const request: MethodRule = { answered: true }
const notification: MethodRule = { answered: false }
const lifecycle: MethodRule = { answered: true, lifecycle: true }
const task: MethodRule = { answered: true, task: true }
const tool: MethodRule = { answered: true, names: { kind: 'tool', member: 'name' } }
const prompt: MethodRule = { answered: true, names: { kind: 'prompt', member: 'name' } }
const resource: MethodRule = { answered: true, names: { kind: 'resource', member: 'uri' } }
const referring: MethodRule = { answered: true, refers: true }
const list = (lists: ListMember): MethodRule => ({ answered: true, lists })

const table: Readonly<Record<MethodName, MethodRule>> = {
  initialize: lifecycle,
  'notifications/initialized': { answered: false, lifecycle: true },
  ping: lifecycle,
  'server/discover': lifecycle,
  'tools/list': list('tools'),
  'tools/call': tool,
  'prompts/list': list('prompts'),
  'prompts/get': prompt,
  'resources/list': list('resources'),
  'resources/templates/list': list('resourceTemplates'),
  'resources/read': resource,
  'resources/subscribe': resource,
  'resources/unsubscribe': resource,
  'resources/directory/read': { ...resource, lists: 'resources' },
  'skills/list': list('skills'),
  'skills/get': { ...resource, lists: 'skill' },
  'completion/complete': referring,
  'logging/setLevel': request,
  'subscriptions/listen': referring,
  'tasks/get': task,
  'tasks/update': task,
  'tasks/result': task,
  'tasks/cancel': task,
  'tasks/list': request,
  'notifications/cancelled': { answered: false, lifecycle: true },
  'notifications/progress': notification,
  'notifications/roots/list_changed': notification,
  'notifications/tasks/status': notification,
}

const rules: ReadonlyMap<string, MethodRule> = new Map(Object.entries(table))

/** Methods that servers send to clients, and hosts to views: no client sends one, so none is forwarded by default. */
const ofOthers: ReadonlySet<string> = new Set([
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

/** Families whose methods carry a name, also those that nobody classified; the name is judged. */
const families = [
  { prefix: 'tools/', names: tool.names! },
  { prefix: 'prompts/', names: prompt.names! },
  { prefix: 'resources/', names: resource.names! },
  { prefix: 'skills/', names: resource.names! },
] as const

const foldedNames: ReadonlyMap<string, string> = new Map(
  [...rules.keys()].map(name => [foldCase(name), name]),
)

/** Returns the rule of a method; undefined for one that nobody classified. */
export function ruleOf(method: string): MethodRule | undefined {
  return rules.get(method)
}

/** Returns the method that this is another spelling of, as parsers without regard to case or blanks would read it. */
export function meantMethod(method: string): string | undefined {
  return foldedNames.get(foldCase(method).trim())
}

/**
 * Returns what an unclassified method of a known family would name, however the family is spelled; undefined for other
 * methods.
 */
export function familyOf(method: string): MethodRule['names'] {
  const folded = foldCase(method).trim()
  return families.find(({ prefix }) => folded.startsWith(prefix))?.names
}

/** Whether `methods` has no say in it: what a session cannot do without, and what is judged by the name it carries. */
export function isJudgedByName({ names, lists, refers, lifecycle: needed }: MethodRule): boolean {
  return needed === true || refers === true || names !== undefined || lists !== undefined
}

/** Whether a method of MCP is sent by servers or hosts only. */
export function isOfOthers(method: string): boolean {
  return ofOthers.has(method) || method.startsWith('ui/')
}
