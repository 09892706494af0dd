import type { AnswerRules } from '../../mcp/handles/answers.ts'

/** How a response is treated. It lives as long as the response, and so holds nothing of the request. */
export interface ResponsePlan {
  readonly method: 'POST' | 'GET' | 'DELETE'
  /** How the response is changed; undefined if it passes unchanged. */
  readonly rules: AnswerRules | undefined
  /** Whether silence is normal, so that no idle timeout applies. */
  readonly listening: boolean
}
