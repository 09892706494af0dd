import type { GivenTasks } from './given-tasks.ts'
import { maxState, maxTaskId, openTask, sealState, sealTask } from './handle.ts'
import {
  elements,
  members,
  replaced,
  stringOf,
  type MemberTree,
  type Member,
  type Replacement,
} from '../json.ts'
import { only, UnreadableList, type Judge } from '../lists.ts'
import { isJudgeable, type Operation } from '../operation.ts'
import { leaf, meta, relatedTask } from './presented-handles.ts'
import type { Owner, Seals } from './seal.ts'

/** The context for sealing the handles in an answer. It is kept until the answer ends. */
export interface AnswerHandles {
  readonly seals: Seals
  readonly owner: Owner
  readonly given: GivenTasks
  /** The method that is answered; empty for a stream that answers no request. */
  readonly method: string
  /** The operation that a task or a `requestState` of the answer belongs to. */
  readonly operation: Operation
  /** The handles that the request presented, by the upstream's task id. */
  readonly presented: ReadonlyMap<string, string>
  /** Whether the server may list tasks, and notify about them, unasked (MCP 2025-11-25). */
  readonly legacy: boolean
  /** Judges the operation that created a task. */
  readonly judge: Judge
}

/** Largest number of tasks in one list; servers list them page by page. */
const maxListed = 5000
const handlePlaces: MemberTree = new Map([
  ['params', new Map([meta, ['result', new Map([meta])], ['notifications', leaf]])],
  ['result', new Map([meta, ['result', new Map([meta])], ['task', leaf]])],
])
/** The operation of a stream that answers no request. */
export const noOperation: Operation = { method: '', kind: 'other' }

/**
 * Seals the handles in an answer: task ids and `requestState`, wherever MCP 2025-11-25, MCP 2026-07-28 and its tasks
 * extension put them.
 *
 * @param text one JSON-RPC message, or an array of them; if it is not valid JSON, any part may be changed
 * @returns the text to send; undefined if nothing is left, because it is about a task of another caller
 * @throws UnreadableList if the text can be read in two ways, SyntaxError if it is not JSON
 */
export function sealHandles(text: string, handles: AnswerHandles): string | undefined {
  if (!/^\s*\[/.test(text)) return sealMessage(text, handles)
  const kept = elements(text).flatMap(({ start, end }) => sealMessage(text.slice(start, end), handles) ?? [])
  return `[${kept.join(',')}]`
}

function sealMessage(text: string, handles: AnswerHandles): string | undefined {
  const message = members(text, 0, handlePlaces)
  const method = only(message, 'method')
  const params = only(message, 'params')
  const result = only(message, 'result')
  const edits: Replacement[] = []
  if (method !== undefined) {
    const isRequest = only(message, 'id') !== undefined
    const name = stringOf(text, method) ?? ''
    // Requests of the server about tasks are about those that the client created.
    if (name.startsWith('tasks/')) return text
    if (params?.members === undefined) return text
    const passes = sealParams(text, name, isRequest, params.members, handles, edits)
    return passes ? replaced(text, edits) : undefined
  }
  if (result?.members !== undefined) sealResult(text, result.members, handles, edits)
  return replaced(text, edits)
}

/** Collects the edits of a notification or request from the server; returns whether it may be passed on. */
function sealParams(
  text: string,
  method: string,
  isRequest: boolean,
  found: readonly Member[],
  handles: AnswerHandles,
  edits: Replacement[],
): boolean {
  const isTaskStatus = method === 'notifications/tasks' || method === 'notifications/tasks/status'
  if (isTaskStatus && !sealSubject(text, only(found, 'taskId'), handles, edits)) return false
  const isUpdate = method === 'notifications/resources/updated' && mayConcernOthers(handles)
  if (isUpdate && !isVisible(text, only(found, 'uri'), handles)) return false
  const list = only(only(found, 'notifications')?.members ?? [], 'taskIds')
  if (list !== undefined) edits.push(sealList(text, list, handles))
  return sealRelated(text, isRequest, found, handles, edits)
}

/** Seals the task that a notification is about; returns false if it is not the caller's. */
function sealSubject(
  text: string,
  task: Member | undefined,
  handles: AnswerHandles,
  edits: Replacement[],
): boolean {
  const handle = task && knownHandle(idIn(text, task), handles)
  if (handle === undefined || !isAllowed(handle, handles)) return false
  edits.push(at(task!, JSON.stringify(handle)))
  return true
}

/** Seals the tasks that `_meta` names; returns false for a notification about a task that is not the caller's. */
function sealRelated(
  text: string,
  isRequest: boolean,
  found: readonly Member[],
  handles: AnswerHandles,
  edits: Replacement[],
): boolean {
  for (const { task, id } of relatedIn(text, found)) {
    const handle = knownHandle(id, handles)
    if (handle === undefined && !isRequest && mayConcernOthers(handles)) return false
    edits.push(at(task, JSON.stringify(handle ?? reference(id, handles))))
  }
  return true
}

/** Returns whether the caller may read a resource now: a subscription may be older than the rule that denies it. */
function isVisible(text: string, uri: Member | undefined, { judge }: AnswerHandles): boolean {
  const name = uri && stringOf(text, uri)
  return (
    name !== undefined && isJudgeable(name) && judge({ method: 'resources/read', kind: 'resource', name })
  )
}

/** Returns whether a stream may be about the tasks of other callers: it answers no call, and servers may not tell callers apart. */
function mayConcernOthers({ method }: AnswerHandles): boolean {
  return method === '' || method === 'subscriptions/listen'
}

function sealResult(
  text: string,
  found: readonly Member[],
  handles: AnswerHandles,
  edits: Replacement[],
): void {
  const { method, legacy } = handles
  const created = createdTask(text, found, legacy)
  const createdId = created && idIn(text, created)
  const handle = createdId === undefined ? '' : sealCreated(createdId, handles)
  const handleOf = (id: string): string =>
    id === createdId ? handle : (knownHandle(id, handles) ?? reference(id, handles))

  if (created !== undefined) edits.push(at(created, JSON.stringify(handle)))
  // A resumed stream may contain the answer to any of these methods.
  const isResumed = method === ''
  const task = isResumed || method.startsWith('tasks/') ? only(found, 'taskId') : undefined
  if (task !== undefined && task !== created) edits.push(at(task, JSON.stringify(handleOf(idIn(text, task)))))
  const tasks = isResumed || method === 'tasks/list' ? only(found, 'tasks') : undefined
  if (tasks !== undefined) edits.push(keepOwned(text, tasks, handles))
  const state = only(found, 'requestState')
  if (state !== undefined && stringOf(text, state) !== undefined) {
    edits.push(at(state, JSON.stringify(sealedState(text.slice(state.start, state.end), handles))))
  }
  for (const related of relatedIn(text, found)) {
    edits.push(at(related.task, JSON.stringify(handleOf(related.id))))
  }
}

/** Returns the task id in a result that creates a task: `CreateTaskResult` of either era. */
function createdTask(text: string, found: readonly Member[], legacy: boolean): Member | undefined {
  if (legacy) return only(only(found, 'task')?.members ?? [], 'taskId')
  const type = only(found, 'resultType')
  return type !== undefined && stringOf(text, type) === 'task' ? only(found, 'taskId') : undefined
}

/** Seals the id of a task that the answered operation created. */
function sealCreated(id: string, handles: AnswerHandles): string {
  const { seals, owner, given, operation, legacy } = handles
  const handle = sealTask(seals, owner, { id, operation })
  if (legacy && operation.kind !== 'other') {
    given.give({ id, proxy: owner.proxy, identity: owner.identities[0]!, handle })
  }
  return handle
}

function sealedState(json: string, { seals, owner, operation }: AnswerHandles): string {
  if (json.length > maxState) throw new UnreadableList('the requestState is too long')
  return sealState(seals, owner, json, operation)
}

/** Returns the handle of a task of the caller: it was presented with the request, or given before. */
function knownHandle(id: string, { presented, given, owner, legacy }: AnswerHandles): string | undefined {
  return presented.get(id) ?? (legacy ? given.handle(id, owner) : undefined)
}

/** Seals a task whose operation is unknown: the client can only refer to it. */
function reference(id: string, { seals, owner }: AnswerHandles): string {
  return sealTask(seals, owner, { id, operation: noOperation })
}

function at({ start, end }: Member, by: string): Replacement {
  return { start, end, by }
}

function isAllowed(handle: string, { seals, owner, judge }: AnswerHandles): boolean {
  const operation = openTask(seals, owner, handle)?.operation
  return (
    operation !== undefined && operation.kind !== 'other' && judge({ method: '', ...operation } as Operation)
  )
}

/** Seals the task ids that the server acknowledges. Those that the client did not ask for are removed. */
function sealList(text: string, list: Member, handles: AnswerHandles): Replacement {
  if (text[list.start] !== '[') throw new UnreadableList('taskIds is not an array')
  const kept = elements(text, list.start).flatMap(({ start, end }) => {
    const id = stringOf(text, { start, end })
    return (id !== undefined && knownHandle(id, handles)) || []
  })
  return at(list, JSON.stringify(kept))
}

/** Keeps the tasks of a list that are the caller's, and whose operation is still allowed. */
function keepOwned(text: string, list: Member, handles: AnswerHandles): Replacement {
  if (text[list.start] !== '[') throw new UnreadableList('the member tasks is not an array')
  const items = elements(text, list.start)
  if (items.length > maxListed) throw new UnreadableList(`it lists more than ${maxListed} tasks`)
  const kept = items.flatMap(({ start, end, members: found }) => {
    const task = only(found, 'taskId')
    if (task === undefined) throw new UnreadableList('an item of tasks has no taskId')
    const handle = knownHandle(idIn(text, task), handles)
    if (handle === undefined || !isAllowed(handle, handles)) return []
    return text.slice(start, task.start) + JSON.stringify(handle) + text.slice(task.end, end)
  })
  return at(list, `[${kept.join(',')}]`)
}

function idIn(text: string, member: Member): string {
  const id = stringOf(text, member)
  if (id === undefined || id.length > maxTaskId)
    throw new UnreadableList('a taskId is not a string, or too long')
  return id
}

/** Returns the related tasks that `_meta` names, in the message and in the result of a task in it. */
function relatedIn(text: string, found: readonly Member[]): { task: Member; id: string }[] {
  return [found, only(found, 'result')?.members ?? []].flatMap(holder => {
    const related = only(only(holder, '_meta')?.members ?? [], relatedTask)
    const task = only(related?.members ?? [], 'taskId')
    return task === undefined ? [] : [{ task, id: idIn(text, task) }]
  })
}
