import type { AnswerRules } from '../../mcp/handles/answers.ts'

/** How the answer is to be treated. It is kept as long as the answer goes on, and so holds nothing that was sent. */
export interface ResponsePlan {
  readonly method: 'POST' | 'GET' | 'DELETE'
  /** How it is changed; undefined where it is passed as it is. */
  readonly rules: AnswerRules | undefined
  /** Silence is normal on the answer: no idle timeout. */
  readonly listening: boolean
}
