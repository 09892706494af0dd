import { Refusal } from './errors.ts'
import type { Message } from './message.ts'
import {
  canonicalMethod,
  familyOf,
  ruleOf,
  type ListMember,
  type MethodRule,
  type NamedKind,
} from './methods.ts'

/** The operation that a message requests: method, kind and, unless the kind is `other`, the name. */
export type Operation =
  | { readonly method: string; readonly kind: NamedKind; readonly name: string }
  | {
      /** Empty without an MCP method: for a response, or a request whose body is not read yet. */
      readonly method: string
      readonly kind: 'other'
      readonly name?: undefined
      /** Set for a request whose body is not read yet: its messages are judged one by one later. */
      readonly preliminary?: boolean
    }

/** Longest name, URI or task id that can be judged, in UTF-16 code units. */
const maxNameLength = 8192
// oxlint-disable-next-line no-control-regex
const controlCharacter = /[\u0000-\u001f\u007f]/
/** Largest number of entries of each list in a subscription. */
const maxSubscriptions = 1000

/** Returns the member of the method's result that is filtered; undefined if there is none. */
export function listedBy(method: string | undefined): ListMember | undefined {
  return method === undefined ? undefined : ruleOf(method)?.lists
}

/** Returns whether the result of a method may contain lists in unknown places: an unknown method of a known family. */
export function mayList(method: string | undefined): boolean {
  return method !== undefined && ruleOf(method) === undefined && familyOf(method) !== undefined
}

/**
 * Returns the operations that a request or notification asks for. A message that names nothing is one operation of kind
 * `other`; `subscriptions/listen` may be several.
 *
 * @throws Refusal `params_invalid` if a required name is missing; `message_invalid` if a method that needs an id has none,
 *   or is spelled in a way that only some parsers accept
 */
export function operationsOf(message: Message): Operation[] {
  const { method, params, id } = message
  if (method === undefined) return []
  const rule = ruleOf(method)
  checkMethod(message, method, rule)
  if (params !== undefined) checkNames(params, rule?.names?.member, id)
  if (rule?.names !== undefined) return [namedOperation(method, rule.names, params, id)]
  if (rule?.task === true) nameIn(params, 'taskId', 'params.taskId', id)
  if (method === 'completion/complete') return [completion(method, params?.['ref'], id)]
  if (method === 'subscriptions/listen') return subscriptions(method, params?.['notifications'], id)
  if (rule === undefined) return unclassified(method, params, id)
  return [{ method, kind: 'other' }]
}

function namedOperation(
  method: string,
  { kind, member }: NonNullable<MethodRule['names']>,
  params: Message['params'],
  id: string | undefined,
): Operation {
  if (kind !== 'resource') checkArguments(params?.['arguments'], id)
  return { method, kind, name: nameIn(params, member, `params.${member}`, id) }
}

/** Returns whether a name can be judged. Some parsers end a text at U+0000, or replace a lone surrogate. */
export function isJudgeable(name: string): boolean {
  return name !== '' && name.length <= maxNameLength && name.isWellFormed() && !controlCharacter.test(name)
}

/** Refuses a call without an id, and a method that only some parsers would recognize. */
function checkMethod({ kind, id }: Message, method: string, rule: MethodRule | undefined): void {
  if (rule !== undefined) {
    if (kind !== 'notification' || !rule.answered) return
    throw new Refusal('id_missing', { values: { method } })
  }
  const canonical = canonicalMethod(method)
  if (canonical !== undefined) throw new Refusal('method_spelling', { values: { method: canonical }, id })
  if (isJudgeable(method)) return
  throw new Refusal('method_unreadable', { id })
}

/**
 * Returns the operations of an unclassified method: by the name, if its family has names, and by a URI. A rule that allows
 * the method does not allow everything that it could name.
 */
function unclassified(method: string, params: Message['params'], id: string | undefined): Operation[] {
  const operations: Operation[] = []
  const family = familyOf(method)
  if (family?.member === 'name' && params?.['name'] !== undefined)
    operations.push({ method, kind: family.kind, name: nameIn(params, 'name', 'params.name', id) })
  if (params?.['uri'] !== undefined)
    operations.push({ method, kind: 'resource', name: nameIn(params, 'uri', 'params.uri', id) })
  return operations.length > 0 ? operations : [{ method, kind: 'other' }]
}

/** Refuses names that cannot be judged, even if the method is not known to name anything. */
function checkNames(
  { name, uri, taskId }: Readonly<Record<string, unknown>>,
  judged: string | undefined,
  id: string | undefined,
): void {
  if (judged !== 'name' && looksLikeName(name)) checkName(name, 'params.name', id)
  if (judged !== 'uri' && looksLikeName(uri)) checkName(uri, 'params.uri', id)
  if (looksLikeName(taskId)) checkName(taskId, 'params.taskId', id)
}

function looksLikeName(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}

/** Refuses arguments that are not an object. Some clients send null for none. */
function checkArguments(given: unknown, id: string | undefined): void {
  if (given === undefined || (typeof given === 'object' && !Array.isArray(given))) return
  throw new Refusal('param_not_object', { values: { path: 'params.arguments' }, id })
}

function completion(method: string, reference: unknown, id: string | undefined): Operation {
  const { type } = (reference ?? {}) as Record<string, unknown>
  if (type === 'ref/prompt')
    return { method, kind: 'prompt', name: nameIn(reference, 'name', 'params.ref.name', id) }
  if (type === 'ref/resource')
    return { method, kind: 'resource', name: nameIn(reference, 'uri', 'params.ref.uri', id) }
  throw new Refusal('reference_type', { id })
}

function subscriptions(method: string, filter: unknown, id: string | undefined): Operation[] {
  const where = 'params.notifications.resourceSubscriptions'
  const { resourceSubscriptions = [], taskIds = [] } = (filter ?? {}) as Record<string, unknown>
  for (const list of [resourceSubscriptions, taskIds]) {
    if (Array.isArray(list) && list.length <= maxSubscriptions) continue
    throw new Refusal('subscriptions_too_long', { values: { limit: maxSubscriptions }, id })
  }
  for (const taskId of taskIds as unknown[]) nameIn({ taskId }, 'taskId', 'params.notifications.taskIds', id)
  const named = (resourceSubscriptions as unknown[]).map((uri): Operation => {
    return { method, kind: 'resource', name: nameIn({ uri }, 'uri', where, id) }
  })
  return named.length > 0 ? named : [{ method, kind: 'other' }]
}

function nameIn(holder: unknown, member: string, path: string, id: string | undefined): string {
  return checkName(((holder ?? {}) as Record<string, unknown>)[member], path, id)
}

function checkName(name: unknown, path: string, id: string | undefined): string {
  if (typeof name !== 'string' || !isJudgeable(name)) {
    throw new Refusal('param_name', { values: { path, limit: maxNameLength }, id })
  }
  return name
}
