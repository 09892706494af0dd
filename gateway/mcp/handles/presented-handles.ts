import { Refusal } from '../errors.ts'
import type { GivenTasks } from './given-tasks.ts'
import { openState, openTask, type Task } from './handle.ts'
import {
  elements,
  memberNamed,
  members,
  replaced,
  stringOf,
  type MemberTree,
  type Member,
  type Replacement,
} from '../json.ts'
import type { Message } from '../message.ts'
import { ruleOf } from '../methods.ts'
import type { Operation } from '../operation.ts'
import type { Owner, Seals } from './seal.ts'

/** The key in `_meta` of the task that a message belongs to (MCP 2025-11-25, Tasks, Related Task Metadata). */
export const relatedTask = 'io.modelcontextprotocol/related-task'

/** The opened handles of a message. */
export interface PresentedHandles {
  /** The operations that created the tasks; each is judged again. */
  readonly operations: readonly Operation[]
  /** The handles of the tasks, by the upstream's task ids. */
  readonly tasks: ReadonlyMap<string, string>
  /** The upstream's id of the task that the method is about, if it is about one. */
  readonly taskId: string | undefined
  /** The operation that a `requestState` in the answer continues. */
  readonly continued: Operation
  /** The message with the upstream's ids and states in place of the handles. */
  readonly text: string
}

/** The context for opening handles. */
export interface HandleContext {
  readonly seals: Seals
  readonly owner: Owner
  readonly given: GivenTasks
}

const maxTaskIds = 1000
/** A member whose value is looked at, but not into. */
export const leaf: MemberTree = new Map()
/** The place in `_meta` of a task that a message belongs to. */
export const meta = ['_meta', new Map([[relatedTask, leaf]])] as const
const handlePlaces: MemberTree = new Map([
  ['params', new Map([meta, ['notifications', leaf]])],
  ['result', new Map([meta])],
])

/** Returns whether a message may present handles. For most messages, this costs a few look-ups. */
export function presentsHandles({ kind, method, params }: Message): boolean {
  if (kind === 'response') return true
  if (isAboutTask(method!, params)) return true
  if (params === undefined) return false
  return (
    params['requestState'] !== undefined ||
    member(params['_meta'], relatedTask) !== undefined ||
    member(params['notifications'], 'taskIds') !== undefined
  )
}

/** Returns whether a message is about a task: by its method or, if that is not classified, by its `taskId`. */
function isAboutTask(method: string, params: Message['params']): boolean {
  return method.startsWith('tasks/') || (params?.['taskId'] !== undefined && ruleOf(method) === undefined)
}

/**
 * Opens the handles of a message: `taskId` of the task methods, `taskIds` of a subscription, `requestState`, and the related
 * task in `_meta`.
 *
 * @param text of the message
 * @param operation that the message asks for, if it asks for one
 * @returns undefined if it presents no handles
 * @throws Refusal `handle_unknown` for a handle that the caller was not given, or not for this operation; `params_invalid` or
 *   `message_invalid` for a value that cannot be a handle
 */
export function openHandles(
  text: string,
  message: Message,
  operation: Operation,
  context: HandleContext,
): PresentedHandles | undefined {
  const { kind, id, method = '' } = message
  const holder = only(members(text, 0, handlePlaces), kind === 'response' ? 'result' : 'params', id)
  const found = holder?.members ?? []
  const opening: Opening = { text, id, method, context, edits: [], tasks: new Map(), operations: [] }
  let task: Task | undefined
  if (isAboutTask(method, message.params)) task = openSubject(only(found, 'taskId', id), opening)
  const continued =
    task === undefined ? operation : ({ ...task.operation, method: 'tasks/update' } as Operation)
  if (kind !== 'response') openContinued(only(found, 'requestState', id), continued, opening)
  if (method === 'subscriptions/listen')
    openList(only(inner(found, 'notifications', id), 'taskIds', id), opening)
  const related = inner(inner(found, '_meta', id), relatedTask, id)
  openRelated(only(related, 'taskId', id), kind, opening)
  const { edits, tasks, operations } = opening
  if (edits.length === 0) return undefined
  return { operations, tasks, taskId: task?.id, continued, text: replaced(text, edits) }
}

/** Returns the refusal of a task that the caller was not given, or whose operation is no longer allowed. */
export function unknownTask(id: string | undefined, rule?: string): Refusal {
  return new Refusal('task_unknown', { id, rule })
}

interface Opening {
  readonly text: string
  /** The id of the message as JSON text. */
  readonly id: string | undefined
  readonly method: string
  readonly context: HandleContext
  readonly edits: Replacement[]
  readonly tasks: Map<string, string>
  readonly operations: Operation[]
}

type Place = Pick<Member, 'start' | 'end'>

/** Opens the task that a method is about. */
function openSubject(place: Place | undefined, opening: Opening): Task | undefined {
  return place && openReadable(place, 'params.taskId', opening)
}

function openContinued(place: Place | undefined, operation: Operation, opening: Opening): void {
  if (place === undefined) return
  const { text, id, context, edits } = opening
  const handle = stringOf(text, place)
  if (handle === undefined) throw notString('params.requestState', id)
  const by = openState(context.seals, context.owner, handle, operation)
  if (by === undefined) throw new Refusal('request_state_unknown', { id })
  edits.push({ start: place.start, end: place.end, by })
}

function openList(list: Place | undefined, opening: Opening): void {
  if (list === undefined) return
  const { text, id } = opening
  const path = 'params.notifications.taskIds'
  if (text[list.start] !== '[') throw new Refusal('param_not_list', { values: { path }, id })
  const places = elements(text, list.start)
  if (places.length > maxTaskIds) {
    throw new Refusal('param_list_too_long', { values: { path, limit: maxTaskIds }, id })
  }
  for (const place of places) openReadable(place, path, opening)
}

/** Opens a task whose state the caller asks for. The operation that created it must be known, so that it is judged again. */
function openReadable(place: Place, path: string, opening: Opening): Task {
  const handle = stringOf(opening.text, place)
  if (handle === undefined) throw notString(path, opening.id)
  const { seals, owner } = opening.context
  const task = openTask(seals, owner, handle)
  if (task === undefined || task.operation.kind === 'other') throw unknownTask(opening.id)
  present(handle, task, place, opening)
  return task
}

/** Opens the related task in `_meta`. It may also be a task of the client (MCP 2025-11-25), whose id is not sealed. */
function openRelated(place: Place | undefined, kind: Message['kind'], opening: Opening): void {
  const { text, id, context } = opening
  const handle = place && stringOf(text, place)
  if (handle === undefined) return
  const task = openTask(context.seals, context.owner, handle)
  if (task !== undefined) present(handle, task, place!, opening)
  else if (kind === 'request') throw unknownTask(id)
  else if (isHandle(handle) || context.given.isOthers(handle, context.owner)) {
    throw new Refusal('related_task_unknown', { values: { member: relatedTask } })
  }
}

function present(handle: string, task: Task, { start, end }: Place, opening: Opening): void {
  opening.tasks.set(task.id, handle)
  opening.edits.push({ start, end, by: JSON.stringify(task.id) })
  if (task.operation.kind !== 'other')
    opening.operations.push({ ...task.operation, method: opening.method } as Operation)
}

/** Returns whether a text has the form of a handle. */
export function isHandle(text: string): boolean {
  return /^[\w-]+\.[\w-]{43}$/.test(text)
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
}

/** Returns the member with that name; undefined if there is none. Refuses a member for which a parser could read another. */
function only(found: readonly Member[], name: string, id: string | undefined): Member | undefined {
  const member = memberNamed(found, name)
  if (member !== 'ambiguous') return member
  throw new Refusal('member_ambiguous', { values: { member: name }, id })
}

/** Returns the members of the member with that name. */
function inner(found: readonly Member[], name: string, id: string | undefined): readonly Member[] {
  return only(found, name, id)?.members ?? []
}

function notString(path: string, id: string | undefined): Refusal {
  return new Refusal('param_not_string', { values: { path }, id })
}
