import type { IncomingMessage } from 'node:http'
import { Refusal } from '../mcp/errors.ts'
import type { Admin } from '../../schema/config.ts'
import { createOriginCheck } from '../../policies/origin.ts'

/**
 * Returns whether a request to the admin listener may be answered by its Host and Origin headers: the rule of the listener
 * for clients, against DNS rebinding.
 */
export function createHostCheck({
  allowedHosts,
}: Pick<Admin, 'allowedHosts'>): (request: IncomingMessage) => boolean {
  const check = createOriginCheck({ allowedHosts, allowedOrigins: [] })
  return ({ headers, socket }) => {
    try {
      check({ headers, localAddress: () => socket.localAddress ?? '' })
      return true
    } catch (error) {
      if (error instanceof Refusal) return false
      throw error
    }
  }
}
