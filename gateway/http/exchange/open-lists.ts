import type { ServerResponse } from 'node:http'
import { idValue } from '../../mcp/lists.ts'
import type { Exchange } from './exchange.ts'

/** Milliseconds for which a list may still arrive after its client gave up. */
const lingerMs = 300_000
const maxOpen = 10_000
/** Characters of an HMAC-SHA-256 in Base64url. */
const sealLength = 43

/** Requests for lists without a response yet. */
interface OpenLists {
  count: number
  /** Until when the list of an aborted request may arrive, in milliseconds since the epoch. */
  until: number
}

/**
 * Requests for lists in legacy sessions that have no response yet, by session and request id. Servers send a response to the
 * request that used its id last, so a client that reuses the id of a list request may get the list as another response.
 */
const open = new Map<string, OpenLists>()

/**
 * Returns whether the response to a request may hold a list that another request of its session asked for. Tracks a request
 * for a list until its response has ended.
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

/** Returns a key of the session's seal, which is short and unique, and the id; some servers treat the ids 1 and "1" alike. */
const keyOf = (session: string, id: string): string =>
  `${session.slice(-sealLength)}\n${id.startsWith('"') ? id.slice(1, -1) : id}`

function forgetOld(): void {
  const now = Date.now()
  for (const [key, lists] of open) if (!isOpen(lists, now)) open.delete(key)
}
