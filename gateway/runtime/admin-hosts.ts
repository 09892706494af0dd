import type { IncomingMessage } from 'node:http'
import { Refusal } from '../mcp/errors.ts'
import type { Admin } from '../../schema/config.ts'
import { createOriginCheck } from '../../policies/origin.ts'

/**
 * Makes the check of the Host and Origin headers of requests to the admin listener, against DNS rebinding. The rules are
 * those of the listener for clients.
 */
export function createHostCheck({
  allowedHosts,
}: Pick<Admin, 'allowedHosts'>): (request: IncomingMessage) => boolean {
  const check = createOriginCheck({ allowedHosts, allowedOrigins: [] })
  return ({ headers }) => {
    try {
      check({ headers })
      return true
    } catch (error) {
      if (error instanceof Refusal) return false
      throw error
    }
  }
}
