import type { ServerResponse } from 'node:http'

/**
 * Lets go of a client that takes nothing. The socket's own timer is used, which knows whether a write that is
 * under way made progress.
 *
 * @param time milliseconds without progress
 */
export function endWhenStalled(response: ServerResponse, time: number): void {
  response.setTimeout(time, () => {
    if (response.writableNeedDrain || response.writableEnded) response.destroy()
    else response.setTimeout(time)
  })
}
