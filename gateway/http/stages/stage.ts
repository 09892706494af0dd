import type { Exchange, Releasable } from '../exchange/exchange.ts'
import type { Streams } from '../exchange/streams.ts'
import type { UsageCounts } from '../exchange/usage.ts'

/** What stages work with, beside the exchange. */
export interface StageContext {
  readonly streams: Streams
  readonly usage: UsageCounts
}

/** Nothing, and the next stage follows; `answered`, and none does; or what is to be released when the exchange ends. */
export type Outcome = undefined | 'answered' | Releasable

/** One stage of the pipeline that a request goes through. Its exchange has what the stages before it found. */
export interface Stage<Before extends Exchange = Exchange> {
  readonly name: string
  /**
   * @returns a promise only where somebody has to be waited for
   * @throws Refusal, or rejects with one
   */
  run(exchange: Before, context: StageContext): Outcome | Promise<Outcome>
}
