import type { ServerResponse } from 'node:http'
import { idValue } from '../../mcp/lists.ts'
import type { Exchange } from './exchange.ts'

/** Milliseconds for which a list may still be answered after its client gave up. */
const lingerMs = 300_000
const maxOpen = 10_000
/** Characters of an HMAC-SHA-256 in Base64url. */
const sealLength = 43

/** Requests for lists that are not answered. */
interface OpenLists {
  count: number
  /** The instant until which one that was given up may be answered, in milliseconds since the epoch. */
  until: number
}

/**
 * Lists that were asked for in legacy sessions and are not answered, by session and id of the request. Servers send an answer to whoever used its id last: a client that uses the id of a list for
 * another request may get the list as the answer to that.
 */
const open = new Map<string, OpenLists>()

/**
 * Says whether the answer to a request may hold a list that another request of its session asked for, and remembers a
 * request for a list until its answer has ended.
 *
 * @param lists whether the request asks for a list
 */
export function mayAnswerOpenList(exchange: Exchange, lists: boolean): boolean {
  if (exchange.era !== 'legacy' || (open.size === 0 && !lists)) return false
  const session = exchange.request.headers['mcp-session-id']
  if (typeof session !== 'string') return false
  const keys = exchange.requestIds.map(id => keyOf(session, idValue(id)))
  const now = Date.now()
  const found = open.size >= maxOpen || keys.some(key => isOpen(open.get(key), now))
  if (lists) track(keys, exchange.response)
  return found
}

function track(keys: readonly string[], response: ServerResponse): void {
  if (open.size >= maxOpen) forgetOld()
  for (const key of keys) {
    const lists = open.get(key) ?? { count: 0, until: 0 }
    open.set(key, lists)
    lists.count++
  }
  response.once('close', () => {
    const now = Date.now()
    for (const key of keys) {
      const lists = open.get(key)
      if (lists === undefined) continue
      lists.count--
      if (!response.writableFinished) lists.until = now + lingerMs
      if (!isOpen(lists, now)) open.delete(key)
    }
  })
}

function isOpen(lists: OpenLists | undefined, now: number): boolean {
  return lists !== undefined && (lists.count > 0 || lists.until > now)
}

/** By the seal of the session, which is short and no other has; some servers take the id 1 for the id "1". */
const keyOf = (session: string, id: string): string =>
  `${session.slice(-sealLength)}\n${id.startsWith('"') ? id.slice(1, -1) : id}`

function forgetOld(): void {
  const now = Date.now()
  for (const [key, lists] of open) if (!isOpen(lists, now)) open.delete(key)
}
