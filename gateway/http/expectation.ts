import type { Judge } from '../mcp/lists.ts'
import type { ListMember } from '../mcp/methods.ts'

/** How the answer is to be treated. It is kept as long as the answer goes on, and so holds nothing that was sent. */
export interface Expectation {
  readonly method: 'POST' | 'GET' | 'DELETE'
  /** The lists that the answer must hold, by request id. */
  readonly expected: ReadonlyMap<string, ListMember>
  /** Filters lists in the answer; undefined where it is passed as it is. */
  readonly judge: Judge | undefined
  /** Silence is normal on the answer: no idle timeout. */
  readonly listening: boolean
}
