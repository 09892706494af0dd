import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http'
import {
  asksForList,
  changeAnswer,
  changeLongAnswer,
  isLong,
  mustBeRead,
  type AnswerRules,
} from '../../mcp/handles/answers.ts'
import { UnreadableList } from '../../mcp/lists.ts'
import { mediaType } from '../exchange/headers.ts'
import { clientHeaders, judgedHeaders } from './client-headers.ts'

/**
 * Changes a buffered response.
 *
 * @returns the body to send, or a promise of it if it is long; empty for an error response that is not JSON and might hold
 *   an unfiltered list: its status says enough
 * @throws UnreadableList, or rejects with one, if it cannot be judged
 */
export function changeHeld(
  body: Buffer,
  status: number,
  headers: IncomingHttpHeaders,
  rules: AnswerRules | undefined,
): Buffer | Promise<Buffer> {
  if (rules === undefined) return body
  const readable = mediaType(headers['content-type']) === 'application/json' && body.length > 0
  const required = mustBeRead(rules)
  if (!readable && !required) return body
  const instead = (error: unknown): Buffer => {
    if (required && (status >= 300 || !asksForList(rules))) return Buffer.alloc(0)
    throw error
  }
  try {
    if (!readable) throw new UnreadableList('it is not JSON')
    const text = new TextDecoder('utf-8', { fatal: true }).decode(body)
    const written = (changed: string | undefined): Buffer => {
      if (changed === undefined) throw new UnreadableList('nothing of it is for this caller')
      return changed === text && !required ? body : Buffer.from(changed)
    }
    if (!isLong(text.length)) return written(changeAnswer(text, rules))
    return changeLongAnswer(text, rules).then(written).catch(instead)
  } catch (error) {
    return instead(error)
  }
}

/** Returns the headers of a buffered response, which may have been changed. */
export function heldHeaders(
  body: Buffer,
  held: Buffer,
  headers: IncomingHttpHeaders,
  rules: AnswerRules | undefined,
): OutgoingHttpHeaders {
  const isJudged = body.length > 0 && rules !== undefined && (mustBeRead(rules) || !body.equals(held))
  const sent = isJudged ? judgedHeaders(headers, 'application/json') : clientHeaders(headers, body.length > 0)
  if (body.length === 0) delete sent['content-type']
  return sent
}
