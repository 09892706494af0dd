import { seesEverything } from '../../access/decide.ts'
import type { AnswerHandles } from '../../mcp/handles/answer-handles.ts'
import { idValue } from '../../mcp/lists.ts'
import type { Message } from '../../mcp/message.ts'
import type { ListMember } from '../../mcp/methods.ts'
import { listedBy, mayList } from '../../mcp/operation.ts'
import type { AdmittedExchange } from '../exchange/exchange.ts'
import { handlesOfStream, judgeFor } from '../exchange/handles.ts'
import { mayAnswerOpenList } from '../exchange/open-lists.ts'
import type { ResponsePlan } from '../exchange/response-plan.ts'

const nothingExpected: ReadonlyMap<string, ListMember> = new Map()

/**
 * Decides how the response is treated: whether it is read at all, and what in it is judged.
 *
 * @param messages those of the body; none where there is no body
 * @param answer how handles in the response are sealed; undefined where none is expected
 */
export function planResponse(
  exchange: AdmittedExchange,
  messages: readonly Message[],
  answer: AnswerHandles | undefined,
): ResponsePlan {
  const { proxy, principal, head, requestIds } = exchange
  const method = head.method as ResponsePlan['method']
  let expected = nothingExpected
  let listening = method === 'GET'
  let listing = requestIds.length === 0
  let listsTasks = false
  for (const message of messages) {
    const list = listedBy(message.method)
    if (list !== undefined && message.id !== undefined)
      expected = new Map(expected).set(idValue(message.id), list)
    listening ||= message.method === 'subscriptions/listen'
    listing ||= mayList(message.method)
    listsTasks ||= message.method === 'tasks/list'
  }
  // A server may answer with a list that an earlier request of the same id asked for.
  const isStrange = mayAnswerOpenList(exchange, expected.size > 0 || listsTasks)
  const mayHoldList = listing || expected.size > 0 || isStrange
  const judge = mayHoldList && !seesEverything(proxy.access) ? judgeFor(proxy, principal) : undefined
  const found = answer ?? (method === 'GET' || isStrange ? handlesOfStream(exchange) : undefined)
  const handles = isStrange ? { ...found!, method: '' } : found
  if (judge === undefined && handles === undefined) return { method, rules: undefined, listening }
  const params = judge !== undefined && [...expected.values()].includes('tools') ? proxy.params : undefined
  return { method, rules: { expected, judge, handles, params }, listening }
}
