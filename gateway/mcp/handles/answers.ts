import { sealHandles, type AnswerHandles } from './answer-handles.ts'
import { filtering, maxAtOnce, UnreadableList, type Judge } from '../lists.ts'
import type { ListMember } from '../methods.ts'
import type { ParamAnnotations } from '../param-annotations.ts'
import { atOnce, inPieces } from '../pieces.ts'

/** What is changed in an answer. It is kept as long as the answer goes on. */
export interface AnswerRules {
  /** The lists that the answer must hold, by `idValue` of the request's id. */
  readonly expected: ReadonlyMap<string, ListMember>
  /** Filters lists; undefined where they are passed as they are. */
  readonly judge: Judge | undefined
  /** Seals handles; undefined where there are none that the caller could use. */
  readonly handles: AnswerHandles | undefined
  /** Learns from lists of tools; undefined where none is filtered. */
  readonly params: ParamAnnotations | undefined
}

/** Methods that are answered with tasks, of which some may be those of other callers. */
const ofSeveral: ReadonlySet<string> = new Set(['tasks/list', 'subscriptions/listen'])

/**
 * Changes an answer, or one event of it.
 *
 * @param text one JSON-RPC message, or an array of them
 * @returns the text to send; undefined where nothing of it is for the caller
 * @throws UnreadableList where the text cannot be judged
 */
export function changeAnswer(text: string, rules: AnswerRules): string | undefined {
  return atOnce(changing(text, rules))
}

/** The same for a text of any length, so that no other request waits for long. */
export function changeLongAnswer(text: string, rules: AnswerRules): Promise<string | undefined> {
  return inPieces(changing(text, rules))
}

/** Whether a text of so many characters or bytes is too long to be changed at once. */
export function isLong(length: number): boolean {
  return length > maxAtOnce
}

function* changing(text: string, rules: AnswerRules): Generator<void, string | undefined> {
  const { expected, judge, handles, params } = rules
  const filtered = judge === undefined ? text : yield* filtering(text, { judge, expected })
  params?.learn(filtered)
  if (handles === undefined) return filtered
  if (text.length > maxParsed && ofSeveral.has(handles.method))
    throw new UnreadableList(`it has more than ${maxParsed} characters`)
  try {
    if (text.length <= maxParsed) JSON.parse(text)
    return sealHandles(filtered, handles)
  } catch (error) {
    // What is not JSON is no message, and a handle that is not sealed is of no use to anybody.
    if (error instanceof SyntaxError && !mustBeRead(rules)) return filtered
    throw error instanceof SyntaxError
      ? new UnreadableList('the message is not valid JSON', { cause: error })
      : error
  }
}

/**
 * Most characters of an answer in which handles are sealed that are parsed as JSON first: that takes its time. In a longer one
 * of another sort than JSON nothing is lost by sealing what looks like a handle.
 */
const maxParsed = 1024 * 1024

/** Says whether an answer holds back what only some callers may see, so that one that cannot be read is not passed. */
export function mustBeRead({ judge, handles }: AnswerRules): boolean {
  return judge !== undefined || (handles !== undefined && ofSeveral.has(handles.method))
}

/** Says whether an answer has to hold a list. */
export function asksForList({ expected, handles }: AnswerRules): boolean {
  return expected.size > 0 || handles?.method === 'tasks/list'
}
