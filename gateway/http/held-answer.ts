import type { IncomingHttpHeaders } from 'node:http'
import { filterLists, UnreadableList, type Judge } from '../mcp/lists.ts'
import type { ListMember } from '../mcp/methods.ts'
import { mediaType } from './headers.ts'

/**
 * Filters an answer that was held back whole.
 *
 * @param expected the lists that it must hold, by id
 * @returns the body to send; empty where the answer is no JSON, and its status alone says enough: nobody
 *   could judge its text
 * @throws UnreadableList where a list was asked for and cannot be judged
 */
export function filterHeld(
  body: Buffer,
  status: number,
  headers: IncomingHttpHeaders,
  judge: Judge,
  expected: ReadonlyMap<string, ListMember>,
): Buffer {
  const dispensable = status >= 300 || expected.size === 0
  try {
    const isJson = mediaType(headers['content-type']) === 'application/json'
    if (!isJson || body.length === 0) throw new UnreadableList('it is no JSON')
    const text = new TextDecoder('utf-8', { fatal: true }).decode(body)
    return Buffer.from(filterLists(text, judge, expected))
  } catch (error) {
    if (dispensable) return Buffer.alloc(0)
    throw error
  }
}
