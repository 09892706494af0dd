import type { IncomingMessage } from 'node:http'
import { Refusal } from '../mcp/errors.ts'
import { createByteStore } from './byte-store.ts'

/** The client went away before its request was complete; there is nobody to answer. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone'
}

/**
 * Reads a request body, never more than it may hold.
 *
 * @param limit bytes
 * @throws Refusal `body_too_large`; ClientGone
 */
export function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > limit) return Promise.reject(tooLarge(limit))
  return new Promise((resolve, reject) => {
    const store = createByteStore(limit)

    function settle(act: () => void): void {
      request.off('data', take).off('end', end).off('close', gone).off('error', gone)
      request.pause()
      act()
    }
    function take(chunk: Buffer): void {
      if (!store.append(chunk)) settle(() => reject(tooLarge(limit)))
    }
    function end(): void {
      settle(() => resolve(store.bytes()))
    }
    function gone(): void {
      settle(() => reject(new ClientGone()))
    }
    request.on('data', take).on('end', end).on('close', gone).on('error', gone)
  })
}

function tooLarge(limit: number): Refusal {
  return new Refusal('body_too_large', `the body is larger than ${limit} bytes`)
}
