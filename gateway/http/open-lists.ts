import { idValue } from '../mcp/lists.ts'
import type { Exchange } from './exchange.ts'

/** Milliseconds for which a list may still be answered after its client gave up. */
const lingerMs = 300_000
const maxOpen = 10_000

/**
 * Lists that were asked for in legacy sessions and are not answered, by session and id of the request, with the instant
 * until which they may be. Servers send an answer to whoever used its id last: a client that uses the id of a list for
 * another request may get the list as the answer to that.
 */
const open = new Map<string, number>()

/** Remembers the ids of a request of a legacy session that asks for lists, until the answer has ended. */
export function openLists(session: string, { requestIds, response }: Exchange): void {
  const keys = requestIds.map(id => keyOf(session, idValue(id)))
  if (open.size >= maxOpen) forgetOld()
  for (const key of keys) open.set(key, Infinity)
  response.once('close', () => {
    for (const key of keys) {
      if (response.writableFinished) open.delete(key)
      else open.set(key, Date.now() + lingerMs)
    }
  })
}

/** Whether the answer to a request of a legacy session may hold a list that another request asked for. */
export function mayHoldOpenList(session: string, { requestIds }: Exchange): boolean {
  if (open.size === 0) return false
  if (open.size >= maxOpen) return true
  const now = Date.now()
  return requestIds.some(id => (open.get(keyOf(session, idValue(id))) ?? 0) > now)
}

const keyOf = (session: string, id: string): string => `${session}\n${id}`

function forgetOld(): void {
  const now = Date.now()
  for (const [key, until] of open) if (until <= now) open.delete(key)
}
