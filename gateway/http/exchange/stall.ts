import type { ServerResponse } from 'node:http'
import { maxTimerMs } from '../../values/units.ts'

/**
 * Lets go of a client that takes nothing. The socket's own timer is used, which knows whether a write that is
 * under way made progress.
 *
 * @param milliseconds without progress
 */
export function endWhenStalled(response: ServerResponse, milliseconds: number): void {
  const time = Math.min(milliseconds, maxTimerMs)
  response.setTimeout(time, () => {
    if (response.writableNeedDrain || response.writableEnded) response.destroy()
    else response.setTimeout(time)
  })
}
