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

/** What messages ask for, as far as it affects the response. */
interface Asked {
  /** Lists to be filtered, by the id of their request. */
  readonly lists: ReadonlyMap<string, ListMember>
  /** Whether a result may be a list, though nothing says where in it. */
  readonly mayList: boolean
  readonly listens: boolean
  readonly listsTasks: boolean
}

const noList: Asked = { lists: new Map(), mayList: false, listens: false, listsTasks: false }

/**
 * Decides how the response is treated: whether it is read at all, and what in it is judged.
 *
 * @param messages those of the body; none if there is no body
 * @param answer how handles in the response are sealed; undefined where none is expected
 */
export function planResponse(
  exchange: AdmittedExchange,
  messages: readonly Message[],
  answer: AnswerHandles | undefined,
): ResponsePlan {
  const { proxy, principal, head, requestIds } = exchange
  const method = head.method as ResponsePlan['method']
  const { lists, mayList, listens, listsTasks } = messages.some(asksForMore) ? readAsked(messages) : noList
  const listening = method === 'GET' || listens
  // A server may answer with a list that an earlier request of the same id asked for.
  const isStrange = mayAnswerOpenList(exchange, lists.size > 0 || listsTasks)
  const mayHoldList = requestIds.length === 0 || lists.size > 0 || mayList || isStrange
  const judge = mayHoldList && !seesEverything(proxy.access) ? judgeFor(proxy, principal) : undefined
  const handles = isStrange ? { ...(answer ?? handlesOfStream(exchange)), method: '' } : answer
  if (judge === undefined && handles === undefined) return { method, rules: undefined, listening }
  const params = judge !== undefined && [...lists.values()].includes('tools') ? proxy.params : undefined
  return { method, rules: { expected: lists, judge, handles, params }, listening }
}

/** Returns whether a message may affect how the response is treated; most messages are calls of a tool, and do not. */
function asksForMore({ method }: Message): boolean {
  return method !== 'tools/call'
}

function readAsked(messages: readonly Message[]): Asked {
  const lists = new Map<string, ListMember>()
  for (const { id, method } of messages) {
    const list = listedBy(method)
    if (list !== undefined && id !== undefined) lists.set(idValue(id), list)
  }
  return {
    lists,
    mayList: messages.some(({ method }) => mayList(method)),
    listens: messages.some(({ method }) => method === 'subscriptions/listen'),
    listsTasks: messages.some(({ method }) => method === 'tasks/list'),
  }
}
