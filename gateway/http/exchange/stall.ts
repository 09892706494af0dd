import type { ServerResponse } from 'node:http'
import { maxTimerMs } from '../../values/units.ts'

/**
 * Closes the connection of a client that reads nothing. It uses the socket's own timer, which knows whether a write made
 * progress.
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
