import type { MethodName } from '../values/method-names.ts'
import { foldCase } from './json.ts'

/** The kinds of things that methods name. */
export type NamedKind = 'tool' | 'prompt' | 'resource'

/** The members of results that contain a list, or one item, which the caller may not be allowed to see. */
export type ListMember = 'tools' | 'prompts' | 'resources' | 'resourceTemplates' | 'skills' | 'skill'

/** The classification of a method that clients send. */
export interface MethodRule {
  /** The kind of the name that it carries, and the member of `params` with the name. */
  readonly names?: { readonly kind: NamedKind; readonly member: 'name' | 'uri' } | undefined
  /** The member of its result that is filtered, if the result is a list. */
  readonly lists?: ListMember | undefined
  /** Set if names are elsewhere in `params`, one or several; they are judged. */
  readonly refers?: true | undefined
  /** Set if it is about the task in `params.taskId`. */
  readonly task?: true | undefined
  /** Set if a session needs it, so that no rule can refuse it. */
  readonly lifecycle?: true | undefined
  /** Whether it is a request, which needs an id; a notification has none. */
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

/** Families of methods that carry a name, which is judged even if the method is not classified. */
const families = [
  { prefix: 'tools/', names: tool.names! },
  { prefix: 'prompts/', names: prompt.names! },
  { prefix: 'resources/', names: resource.names! },
  { prefix: 'skills/', names: resource.names! },
] as const

const foldedNames: ReadonlyMap<string, string> = new Map(
  [...rules.keys()].map(name => [foldCase(name), name]),
)

/** Returns the rule of a method; undefined if it is not classified. */
export function ruleOf(method: string): MethodRule | undefined {
  return rules.get(method)
}

/** Returns the method that a lenient parser, which ignores case or blanks, would read; undefined if there is none. */
export function canonicalMethod(method: string): string | undefined {
  return foldedNames.get(foldCase(method).trim())
}

/**
 * Returns the kind of name that an unclassified method of a known family carries, however the family is spelled; undefined
 * for other methods.
 */
export function familyOf(method: string): MethodRule['names'] {
  const folded = foldCase(method).trim()
  return families.find(({ prefix }) => folded.startsWith(prefix))?.names
}

/** Returns whether `methods.allow` does not apply: the method is part of the lifecycle, or is judged by names. */
export function isJudgedByName({ names, lists, refers, lifecycle: needed }: MethodRule): boolean {
  return needed === true || refers === true || names !== undefined || lists !== undefined
}
