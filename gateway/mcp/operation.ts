import { Refusal } from './errors.ts'
import { foldCase } from './json.ts'
import type { Message } from './message.ts'

/** What kind of thing an operation names. */
export type Kind = 'tool' | 'prompt' | 'resource' | 'other'

/** What a message asks for: method, kind and, unless the kind is `other`, the name. */
export type Operation =
  | { readonly method: string; readonly kind: 'tool' | 'prompt' | 'resource'; readonly name: string }
  | {
      readonly method: string
      readonly kind: 'other'
      readonly name?: undefined
      /** Of a request whose body is not read yet: its messages are judged one by one when it is. */
      readonly preliminary?: boolean
    }

/** The member of a list result that holds the items. */
export type ListMember = 'tools' | 'prompts' | 'resources' | 'resourceTemplates'

const lists: ReadonlyMap<string, ListMember> = new Map([
  ['tools/list', 'tools'],
  ['prompts/list', 'prompts'],
  ['resources/list', 'resources'],
  ['resources/templates/list', 'resourceTemplates'],
])

/** Methods that must name something, by what they name. */
const naming: ReadonlyMap<string, { kind: 'tool' | 'prompt' | 'resource'; member: 'name' | 'uri' }> = new Map(
  [
    ['tools/call', { kind: 'tool', member: 'name' }],
    ['prompts/get', { kind: 'prompt', member: 'name' }],
    ['resources/read', { kind: 'resource', member: 'uri' }],
  ],
)

/** Families whose other methods, also ones that are not known yet, are judged by the name that they carry, if any. */
const families = [
  { prefix: 'tools/', kind: 'tool', member: 'name' },
  { prefix: 'prompts/', kind: 'prompt', member: 'name' },
  { prefix: 'resources/', kind: 'resource', member: 'uri' },
] as const

const knownMethods = new Map(
  [...lists.keys(), ...naming.keys(), 'completion/complete', 'subscriptions/listen'].map(method => [
    foldCase(method),
    method,
  ]),
)

/** The member that holds the items of the method's result; undefined where the method lists nothing. */
export function listedBy(method: string | undefined): ListMember | undefined {
  return method === undefined ? undefined : lists.get(method)
}

/**
 * What a request or notification asks for. A call to act on nothing in particular is one operation of kind
 * `other`; `subscriptions/listen` may be several.
 *
 * @throws Refusal `params_invalid` where a method must name something and does not; `message_invalid` where a
 *   method that must be answered has no id, or is spelt as only some parsers would accept
 */
export function operationsOf(message: Message): Operation[] {
  const { method, params, id } = message
  if (method === undefined) return []
  checkMethod(message, method)
  const rule = naming.get(method)
  if (rule !== undefined) {
    return [{ method, kind: rule.kind, name: nameIn(params, rule.member, `params.${rule.member}`, id) }]
  }
  if (method === 'completion/complete') return [completion(method, params?.['ref'], id)]
  if (method === 'subscriptions/listen') return subscriptions(method, params?.['notifications'], id)
  for (const { prefix, kind, member } of families) {
    if (!method.startsWith(prefix) || listedBy(method) !== undefined || params?.[member] === undefined)
      continue
    return [{ method, kind, name: nameIn(params, member, `params.${member}`, id) }]
  }
  return [{ method, kind: 'other' }]
}

/** A list or a call without an id would be answered, if at all, where nothing expects it. */
function checkMethod({ kind, id }: Message, method: string): void {
  const known = knownMethods.get(foldCase(method).trim())
  if (known === undefined) return
  if (known !== method) throw new Refusal('message_invalid', `the method is spelt ${known}`, { id })
  if (kind === 'notification') throw new Refusal('message_invalid', `${known} needs an id`)
}

function completion(method: string, reference: unknown, id: string | undefined): Operation {
  const { type } = (reference ?? {}) as Record<string, unknown>
  if (type === 'ref/prompt')
    return { method, kind: 'prompt', name: nameIn(reference, 'name', 'params.ref.name', id) }
  if (type === 'ref/resource')
    return { method, kind: 'resource', name: nameIn(reference, 'uri', 'params.ref.uri', id) }
  throw new Refusal('params_invalid', 'params.ref.type must be ref/prompt or ref/resource', { id })
}

function subscriptions(method: string, filter: unknown, id: string | undefined): Operation[] {
  const { resourceSubscriptions = [] } = (filter ?? {}) as Record<string, unknown>
  if (!Array.isArray(resourceSubscriptions)) {
    throw new Refusal('params_invalid', 'params.notifications.resourceSubscriptions must be a list of URIs', {
      id,
    })
  }
  const named = resourceSubscriptions.map((uri: unknown): Operation => {
    return {
      method,
      kind: 'resource',
      name: nameIn({ uri }, 'uri', 'params.notifications.resourceSubscriptions', id),
    }
  })
  return named.length > 0 ? named : [{ method, kind: 'other' }]
}

function nameIn(holder: unknown, member: string, path: string, id: string | undefined): string {
  const name = ((holder ?? {}) as Record<string, unknown>)[member]
  // A lone surrogate becomes another character in some parsers: what is judged must be what is called.
  if (typeof name !== 'string' || name === '' || !name.isWellFormed()) {
    throw new Refusal('params_invalid', `${path} must be a non-empty string of valid Unicode`, { id })
  }
  return name
}
