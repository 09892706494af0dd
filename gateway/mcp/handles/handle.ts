import type { Operation } from '../operation.ts'
import type { Owner, Seals } from './seal.ts'

/** The content of a task handle: the upstream's task id, and the operation that created the task. */
export interface Task {
  readonly id: string
  /** Of kind `other` if the operation is unknown: the client can refer to the task, but not read it. */
  readonly operation: Pick<Operation, 'kind' | 'name'>
}

/** Longest task id that is sealed, in UTF-16 code units. */
export const maxTaskId = 2048
/** Longest JSON text of a `requestState` that is sealed, in UTF-16 code units. */
export const maxState = 1024 * 1024

const encode = (text: string): string => Buffer.from(text).toString('base64url')
const decode = (text: string): string => Buffer.from(text, 'base64url').toString()
/** Base64url makes four characters of three bytes, and escaping makes up to six bytes of one code unit. */
const maxHandle = 8 * maxTaskId * 4

/** Seals the id of a task that an operation created. */
export function sealTask(seals: Seals, owner: Owner, { id, operation: { kind, name } }: Task): string {
  return seals.seal('task', encode(JSON.stringify([id, kind, name])), owner)
}

/** Returns the task behind a handle; undefined if the owner was not given this handle. */
export function openTask(seals: Seals, owner: Owner, handle: string): Task | undefined {
  const payload = handle.length > maxHandle ? undefined : seals.open('task', handle, owner)
  if (payload === undefined) return undefined
  const [id, kind, name] = JSON.parse(decode(payload)) as [string, Operation['kind'], string | null]
  return { id, operation: name === null || kind === 'other' ? { kind: 'other' } : { kind, name } }
}

/**
 * Seals a `requestState` for the operation that it continues.
 *
 * @param json the state as the JSON text that the upstream wrote, so that it gets back the same bytes
 */
export function sealState(seals: Seals, owner: Owner, json: string, operation: Operation): string {
  return seals.seal('state', encode(json), owner, ...aboutOf(operation))
}

/** Returns the JSON text of a `requestState`; undefined if the owner was not given it for this operation. */
export function openState(
  seals: Seals,
  owner: Owner,
  handle: string,
  operation: Operation,
): string | undefined {
  if (handle.length > 4 * maxState) return undefined
  const payload = seals.open('state', handle, owner, ...aboutOf(operation))
  return payload === undefined ? undefined : decode(payload)
}

function aboutOf({ method, kind, name = '' }: Operation): readonly string[] {
  return [method, kind, name]
}
