import { authorize as authorizeOperation } from '../../access/authorize.ts'
import { isPlain } from '../../access/uri-variants.ts'
import { agreedEra, allowsBatch, claimedVersion } from '../../mcp/era.ts'
import { Refusal } from '../../mcp/errors.ts'
import { readMessages, type Message } from '../../mcp/message.ts'
import { operationsOf } from '../../mcp/operation.ts'
import { checkParamHeaders } from '../../mcp/param-headers.ts'
import type { AdmittedExchange } from '../exchange/exchange.ts'
import { handlesOfStream, useHandles } from '../exchange/handles.ts'
import { refusedOperation } from '../exchange/refused-operation.ts'
import { planResponse } from './plan-response.ts'
import type { Stage } from './stage.ts'

/** UTF-16 code units: to judge more at a stretch would hold up everybody else. */
const maxNamed = 131_072

/** Reads the messages of the body, and decides each operation that they ask for. */
export const authorize: Stage<AdmittedExchange> = {
  name: 'authorize',
  run(exchange) {
    const { body, head, proxy, request } = exchange
    if (body === undefined) {
      exchange.plan = planResponse(
        exchange,
        [],
        head.method === 'GET' ? handlesOfStream(exchange) : undefined,
      )
      return undefined
    }
    const { messages, batch } = readMessages(body, allowsBatch(head.headers))
    exchange.batch = batch
    for (const { kind, id } of messages)
      if (kind === 'request' && id !== undefined) exchange.requestIds.push(id)
    for (const message of messages) authorizeMessage(exchange, message)
    checkParamHeaders(request.rawHeaders, messages, body, proxy.params, exchange.era === 'modern')
    const handles = useHandles(exchange, messages, body)
    if (handles?.body !== undefined) exchange.body = handles.body
    exchange.taskId = handles?.taskId
    exchange.plan = planResponse(exchange, messages, handles?.answer)
    return undefined
  },
}

/** Decides one message; every operation that it asks for must be allowed. */
function authorizeMessage(exchange: AdmittedExchange, message: Message): void {
  const { batch, head, principal, proxy } = exchange
  const { id } = message
  if (batch && claimedVersion(message) !== undefined) throw new Refusal('batch_refused', { id })
  const era = agreedEra(message, head.headers)
  exchange.era ??= era
  if (message.method === undefined) {
    // A client's response asks for nothing, and is no way around what every request needs.
    const operation = { method: '', kind: 'other' } as const
    const authorization = authorizeOperation(proxy.access, principal, operation)
    if (!authorization.allow) throw refusedOperation(authorization, operation, proxy.name, id)
  }
  for (const operation of operationsOf(message)) {
    exchange.operations++
    if (operation.kind !== 'other') exchange.named += weightOf(operation.kind, operation.name)
    if (exchange.named > maxNamed) {
      exchange.operation ??= operation
      throw new Refusal('names_too_long', { values: { limit: maxNamed }, id })
    }
    if (batch) (exchange.batched ??= []).push(operation)
    const authorization = authorizeOperation(proxy.access, principal, operation)
    if (!authorization.allow) {
      exchange.operation = operation
      throw refusedOperation(authorization, operation, proxy.name, id)
    }
    exchange.operation ??= operation
    exchange.rule = authorization.rule
  }
}

/** A URI with several variants is matched as often. */
function weightOf(kind: string, name: string): number {
  return kind === 'resource' && !isPlain(name) ? 8 * name.length : name.length
}
