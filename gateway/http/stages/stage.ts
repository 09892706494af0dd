import type { Exchange, Releasable } from '../exchange/exchange.ts'
import type { Streams } from '../exchange/streams.ts'
import type { UsageCounts } from '../exchange/usage.ts'

/** Dependencies of stages. */
export interface StageContext {
  readonly streams: Streams
  readonly usage: UsageCounts
}

/** Undefined to go on, `answered` to stop, or something to go on with and to release when the exchange ends. */
export type Outcome = undefined | 'answered' | Releasable

/** One stage of the pipeline. Its exchange has what earlier stages found. */
export interface Stage<Before extends Exchange = Exchange> {
  readonly name: string
  /**
   * @returns a promise only if the stage has to wait
   * @throws Refusal, or rejects with one
   */
  run(exchange: Before, context: StageContext): Outcome | Promise<Outcome>
}
