import type { IncomingMessage } from 'node:http'
import { Refusal } from '../mcp/errors.ts'
import { ByteStore } from './byte-store.ts'

/** The client went away before its request was forwarded; there is nobody to answer. */
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
    const store = new ByteStore(limit)
    // The listeners stay, because taking them off costs more than they do.
    let settled = false

    function fail(error: () => Error): void {
      if (settled) return
      settled = true
      store.clear()
      request.pause()
      reject(error())
    }
    request.on('data', (chunk: Buffer) => {
      if (!settled && !store.append(chunk)) fail(() => tooLarge(limit))
    })
    request.on('end', () => {
      if (settled) return
      settled = true
      resolve(store.bytes())
      store.clear()
    })
    // Without a listener for errors there are none: a request that breaks off just closes.
    request.on('close', () => fail(() => new ClientGone()))
  })
}

function tooLarge(limit: number): Refusal {
  return new Refusal('body_too_large', `the body is larger than ${limit} bytes`)
}
