import { keepUntilEnd, startOver, type Exchange } from '../exchange/exchange.ts'
import { hasExpired } from '../exchange/streams.ts'
import { admit } from '../stages/admit.ts'
import { authenticate } from '../stages/authenticate.ts'
import { authorize } from '../stages/authorize.ts'
import { checkHead } from '../stages/check-head.ts'
import { forward } from '../stages/forward.ts'
import { preflight } from '../stages/preflight.ts'
import { readBody } from '../stages/read-body.ts'
import { readHead } from '../stages/read-head.ts'
import { route } from '../stages/route.ts'
import type { Outcome, Stage, StageContext } from '../stages/stage.ts'

/** Every stage, in the order in which a request meets them. */
export const stages = [
  readHead,
  route,
  checkHead,
  preflight,
  authenticate,
  admit,
  readBody,
  authorize,
  forward,
] as const satisfies readonly Stage[]

/** Dependencies of the pipeline. */
export interface PipelineContext extends StageContext {
  /** Called with the duration of each stage in milliseconds, waiting included. */
  onStage?(this: void, exchange: Exchange, stage: string, milliseconds: number): void
}

/**
 * Runs the stages for one exchange. It starts over if the snapshot changed or the credential expired while a stage waited.
 *
 * @throws Refusal, which the caller writes
 */
export async function serve(exchange: Exchange, context: PipelineContext): Promise<void> {
  const { streams, onStage } = context
  if (streams.current() !== exchange.snapshot) startOver(exchange, streams.current())
  for (let index = 0; index < stages.length; index++) {
    const stage: Stage = stages[index]!
    const running = onStage === undefined ? stage.run(exchange, context) : timed(stage, exchange, context)
    const hasWaited = running instanceof Promise
    const outcome = hasWaited ? await running : running
    if (outcome === 'answered') return
    if (outcome !== undefined) keepUntilEnd(exchange, outcome)
    if (!hasWaited) continue
    // No later stage would notice that the client left, or that the request was refused meanwhile.
    if (exchange.isOver || exchange.response.destroyed || exchange.refusal !== undefined) return
    if (!isOutdated(exchange, context)) continue
    startOver(exchange, streams.current())
    index = -1
  }
}

/** Runs a stage and reports its duration, even if it refuses. */
function timed(stage: Stage, exchange: Exchange, context: PipelineContext): Outcome | Promise<Outcome> {
  const began = performance.now()
  const report = (): void => context.onStage!(exchange, stage.name, performance.now() - began)
  let running: Outcome | Promise<Outcome>
  try {
    running = stage.run(exchange, context)
    if (running instanceof Promise) return running.finally(report)
  } catch (error) {
    report()
    throw error
  }
  report()
  return running
}

/** Returns whether another snapshot is in force, or the credential has expired. */
function isOutdated({ snapshot, principal }: Exchange, { streams }: StageContext): boolean {
  return snapshot !== streams.current() || (principal !== undefined && hasExpired(principal))
}
