import { sealHandles, type AnswerHandles } from './answer-handles.ts'
import { filtering, maxAtOnce, UnreadableList, type Judge } from '../lists.ts'
import type { ListMember } from '../methods.ts'
import type { ParamAnnotations } from '../param-annotations.ts'
import { atOnce, inPieces } from '../pieces.ts'

/** The rules for changing an answer. They are kept until the answer ends. */
export interface AnswerRules {
  /** The lists that the answer must contain, by `idValue` of the request's id. */
  readonly expected: ReadonlyMap<string, ListMember>
  /** Judges the items of lists; undefined if lists are passed on unchanged. */
  readonly judge: Judge | undefined
  /** Seals handles; undefined if the answer has none that the caller could use. */
  readonly handles: AnswerHandles | undefined
  /** Learns from lists of tools; undefined if none is filtered. */
  readonly params: ParamAnnotations | undefined
}

/** Methods whose answers may contain the tasks of other callers. */
const mayListOthers: ReadonlySet<string> = new Set(['tasks/list', 'subscriptions/listen'])

/**
 * Filters and seals an answer, or one event of it.
 *
 * @param text one JSON-RPC message, or an array of them
 * @returns the text to send; undefined if nothing of it is for the caller
 * @throws UnreadableList if the text cannot be judged
 */
export function changeAnswer(text: string, rules: AnswerRules): string | undefined {
  return atOnce(changing(text, rules))
}

/** Does the same in pieces, for a text of any length, so that no other request waits for long. */
export function changeLongAnswer(text: string, rules: AnswerRules): Promise<string | undefined> {
  return inPieces(changing(text, rules))
}

/** Returns whether a text with this many characters or bytes is too long to change at once. */
export function isLong(length: number): boolean {
  return length > maxAtOnce
}

function* changing(text: string, rules: AnswerRules): Generator<void, string | undefined> {
  const { expected, judge, handles, params } = rules
  const filtered = judge === undefined ? text : yield* filtering(text, { judge, expected })
  params?.learn(filtered)
  if (handles === undefined) return filtered
  if (text.length > maxParsed && mayListOthers.has(handles.method))
    throw new UnreadableList(`it has more than ${maxParsed} characters`)
  try {
    if (text.length <= maxParsed) JSON.parse(text)
    return sealHandles(filtered, handles)
  } catch (error) {
    // Text that is not JSON is not a message, and a handle that is not sealed is of no use to anyone.
    if (error instanceof SyntaxError && !mustBeRead(rules)) return filtered
    throw error instanceof SyntaxError
      ? new UnreadableList('the message is not valid JSON', { cause: error })
      : error
  }
}

/**
 * Longest answer that is parsed as JSON before its handles are sealed, because parsing takes time. If a longer one is not
 * JSON, sealing whatever looks like a handle does no harm.
 */
const maxParsed = 1024 * 1024

/** Returns whether an answer may contain what the caller may not see, so that it is dropped if it is unreadable. */
export function mustBeRead({ judge, handles }: AnswerRules): boolean {
  return judge !== undefined || (handles !== undefined && mayListOthers.has(handles.method))
}

/** Returns whether a message that is too long to be held may pass if it holds no list. */
export function mayPassInParts({ expected, handles }: AnswerRules): boolean {
  return expected.size === 0 && (handles === undefined || !mayListOthers.has(handles.method))
}

/** Returns whether an answer must contain a list. */
export function asksForList({ expected, handles }: AnswerRules): boolean {
  return expected.size > 0 || handles?.method === 'tasks/list'
}
