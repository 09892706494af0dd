import { authorize } from '../../access/authorize.ts'
import { decide } from '../../access/decide.ts'
import { ownerOf, type Principal } from '../../auth/principal.ts'
import { noOperation, type AnswerHandles } from '../../mcp/handles/answer-handles.ts'
import type { AnswerRules } from '../../mcp/handles/answers.ts'
import { encodeMirrored } from '../../mcp/header-value.ts'
import { Refusal } from '../../mcp/errors.ts'
import { expectsHandles, requireTasks } from '../../mcp/handles/expected-handles.ts'
import { elements } from '../../mcp/json.ts'
import type { Judge } from '../../mcp/lists.ts'
import type { Message } from '../../mcp/message.ts'
import {
  openHandles,
  presentsHandles,
  unknownTask,
  type HandleContext,
  type PresentedHandles,
} from '../../mcp/handles/presented-handles.ts'
import type { Operation } from '../../mcp/operation.ts'
import type { AuthenticatedExchange } from './exchange.ts'
import { refusedOperation } from './refused-operation.ts'
import type { ServedProxy } from './snapshot.ts'

/** What the handles of a message change in the request and in the response. */
export interface HandleUse {
  /** Body to send instead of the client's; undefined if it has no handles. */
  readonly body: Buffer | undefined
  /** The upstream's id of the task that the message is about. */
  readonly taskId: string | undefined
  /** How handles in the response are sealed; undefined if none is expected. */
  readonly answer: AnswerHandles | undefined
}

const nonePresented: ReadonlyMap<string, string> = new Map()
const nothingFiltered = { expected: new Map<never, never>(), judge: undefined, params: undefined }
const requestState = Buffer.from('"requestState"')
/** Begins with a capital, which is rarer in JSON than a quotation mark, and so is found faster. */
const stateEnd = requestState.subarray(requestState.indexOf('S'))
/** Bytes at either end of a large chunk that are searched: to search all of it would cost as much as relaying it. */
const edge = 2048

/**
 * Opens the handles in a body, and decides the operations behind them again.
 *
 * @returns undefined if the body has no handles and the response can have none
 * @throws Refusal `handle_unknown`, what `refusedOperation` returns, and `message_invalid` for a handle in a batch
 */
export function useHandles(
  exchange: AuthenticatedExchange,
  messages: readonly Message[],
  body: Buffer,
): HandleUse | undefined {
  const [message] = messages
  if (exchange.batch || message === undefined) {
    if (messages.some(presentsHandles)) refuseInBatch(exchange, messages, body)
    return undefined
  }
  const presents = presentsHandles(message)
  const expects = expectsHandles(message, exchange.era)
  if (!presents && !expects) return undefined
  if (exchange.era === 'modern') requireTasks(message)
  const operation = exchange.operation ?? noOperation
  const presented = presents ? open(exchange, message, operation, body) : undefined
  return {
    body: presented && Buffer.from(presented.text),
    taskId: presented?.taskId,
    answer: expects
      ? answerHandles(exchange, message, presented?.continued ?? operation, presented)
      : undefined,
  }
}

/** Opens the handles of a message, and decides the operations behind them again. */
function open(
  exchange: AuthenticatedExchange,
  message: Message,
  operation: Operation,
  body: Buffer,
): PresentedHandles | undefined {
  const context = contextOf(exchange)
  const presented = openHandles(body.toString('utf8'), message, operation, context)
  if (presented === undefined) return undefined
  judgeAgain(exchange, message, presented)
  const { taskId: id, tasks } = presented
  if (exchange.era === 'modern' || id === undefined) return presented
  const { owner, given } = context
  given.give({ id, proxy: exchange.proxy.name, identity: owner.identities[0]!, handle: tasks.get(id)! })
  return presented
}

function answerHandles(
  exchange: AuthenticatedExchange,
  { method = '' }: Message,
  operation: Operation,
  presented: PresentedHandles | undefined,
): AnswerHandles {
  return {
    ...contextOf(exchange),
    method,
    operation,
    presented: presented?.tasks ?? nonePresented,
    legacy: exchange.era !== 'modern',
    judge: judgeFor(exchange.proxy, exchange.principal),
  }
}

/**
 * Returns how a response is changed that was planned to pass unchanged, because a chunk of it seems to hold a
 * `requestState`: servers may send one even to a client that declared no capability. Undefined if it holds none.
 */
export function lateRules(exchange: AuthenticatedExchange, piece: Buffer): AnswerRules | undefined {
  const { era, operation, principal, batch, proxy } = exchange
  if (batch || operation === undefined || operation.kind === 'other') return undefined
  const holds =
    piece.length <= 2 * edge
      ? hasState(piece)
      : hasState(piece.subarray(0, edge)) || hasState(piece.subarray(-edge))
  if (!holds) return undefined
  const judge = judgeFor(proxy, principal)
  const answer = {
    method: operation.method,
    operation,
    presented: nonePresented,
    legacy: era !== 'modern',
    judge,
  }
  return { ...nothingFiltered, handles: { ...contextOf(exchange), ...answer } }
}

function hasState(piece: Buffer): boolean {
  return piece.includes(stateEnd) && piece.includes(requestState)
}

/** Returns how handles are sealed in a stream that answers no request: notifications and requests of a legacy server. */
export function handlesOfStream(exchange: AuthenticatedExchange): AnswerHandles {
  const { proxy, principal } = exchange
  return {
    ...contextOf(exchange),
    method: '',
    operation: noOperation,
    presented: nonePresented,
    legacy: true,
    judge: judgeFor(proxy, principal),
  }
}

/** Returns the sealed id of the legacy session that a response opens; undefined if it opens none. */
export function sealedSession(
  { era, principal, proxy, snapshot }: AuthenticatedExchange,
  upstreamId: string | string[] | undefined,
): string | undefined {
  if (typeof upstreamId !== 'string' || era === 'modern') return undefined
  return snapshot.seals.seal('session', upstreamId, ownerOf(principal, proxy.name))
}

/** Replaces the value of Mcp-Name by the upstream's id of a task, in a flat list of names and values. */
export function nameTask(headers: string[], taskId: string): void {
  for (let index = 0; index < headers.length; index += 2) {
    if (headers[index]!.toLowerCase() === 'mcp-name') headers[index + 1] = encodeMirrored(taskId)
  }
}

/** Returns a function that decides operations of a principal. It is made here so that a stream retains nothing else of a request. */
export function judgeFor({ access }: ServedProxy, principal: Principal): Judge {
  return operation => decide(access, principal, operation).allow
}

function contextOf({ snapshot, principal, proxy }: AuthenticatedExchange): HandleContext {
  const { seals, givenTasks: given } = snapshot
  return { seals, given, owner: ownerOf(principal, proxy.name) }
}

/** Decides the operations behind handles again. A task whose operation is no longer allowed is refused as unknown. */
function judgeAgain(
  exchange: AuthenticatedExchange,
  message: Message,
  { operations }: PresentedHandles,
): void {
  const { proxy, principal } = exchange
  for (const operation of operations) {
    if (exchange.operation === undefined || exchange.operation.kind === 'other')
      exchange.operation = operation
    const authorization = authorize(proxy.access, principal, operation)
    const { allow, reason, rule } = authorization
    if (!allow && reason === 'name_unknown')
      throw unknownTask(message.kind === 'request' ? message.id : undefined, rule)
    if (!allow) throw refusedOperation(authorization, operation, proxy.name, message.id)
    exchange.rule = rule
  }
}

/** Refuses handles in a batch: only MCP 2025-03-26 has batches, and it has neither tasks nor `requestState`. */
function refuseInBatch(exchange: AuthenticatedExchange, messages: readonly Message[], body: Buffer): void {
  const text = body.toString('utf8')
  const places = elements(text)
  for (const [index, message] of messages.entries()) {
    const { start, end } = places[index]!
    if (!presentsHandles(message)) continue
    if (message.kind === 'response') {
      const presented = openHandles(text.slice(start, end), message, noOperation, contextOf(exchange))
      if (presented === undefined) continue
    }
    throw new Refusal('batch_handles', { id: message.id })
  }
}
