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
import { uniteName } from './single-headers.ts'
import { planResponse } from './plan-response.ts'
import type { Stage } from './stage.ts'

/** Largest total length of names in UTF-16 code units: deciding more at once would delay other requests. */
const maxNamed = 131_072

/** Reads the messages of the body, and decides each of their operations. */
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
    if (!batch && head.headers['mcp-name'] !== undefined) uniteName(request, messages[0]!)
    for (const { kind, id } of messages)
      if (kind === 'request' && id !== undefined) exchange.requestIds.push(id)
    exchange.isRead = true
    for (const message of messages) authorizeMessage(exchange, message)
    checkParamHeaders(request.rawHeaders, messages, body, proxy.params, exchange.era === 'modern')
    const handles = useHandles(exchange, messages, body)
    if (handles?.body !== undefined) exchange.body = handles.body
    exchange.taskId = handles?.taskId
    exchange.plan = planResponse(exchange, messages, handles?.answer)
    return undefined
  },
}

/** Decides one message. All of its operations must be allowed. */
function authorizeMessage(exchange: AdmittedExchange, message: Message): void {
  const { batch, head, principal, proxy } = exchange
  const { id } = message
  if (batch && claimedVersion(message) !== undefined) throw new Refusal('batch_refused', { id })
  const era = agreedEra(message, head.headers)
  exchange.era ??= era
  if (message.method === undefined) {
    // A client's response names no operation, but must not bypass what every request needs.
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

/** Returns the length of a name; a URI with several variants counts as often as it is matched. */
function weightOf(kind: string, name: string): number {
  return kind === 'resource' && !isPlain(name) ? 8 * name.length : name.length
}
