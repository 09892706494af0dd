import type { IncomingHttpHeaders } from 'node:http'
import { asksForList, changeAnswer, mustBeRead, type AnswerRules } from '../mcp/answers.ts'
import { UnreadableList } from '../mcp/lists.ts'
import { mediaType } from './headers.ts'

/**
 * Changes an answer that was held back whole.
 *
 * @returns the body to send; empty where a list would have to be filtered and was not asked for, the answer is not JSON,
 *   and so its status alone says enough
 * @throws UnreadableList where it cannot be judged
 */
export function changeHeld(
  body: Buffer,
  status: number,
  headers: IncomingHttpHeaders,
  rules: AnswerRules,
): Buffer {
  const readable = mediaType(headers['content-type']) === 'application/json' && body.length > 0
  const required = mustBeRead(rules)
  if (!readable && !required) return body
  try {
    if (!readable) throw new UnreadableList('it is no JSON')
    const text = new TextDecoder('utf-8', { fatal: true }).decode(body)
    const changed = changeAnswer(text, rules)
    if (changed === undefined) throw new UnreadableList('nothing of it is for this caller')
    return changed === text && !required ? body : Buffer.from(changed)
  } catch (error) {
    if (required && (status >= 300 || !asksForList(rules))) return Buffer.alloc(0)
    throw error
  }
}
