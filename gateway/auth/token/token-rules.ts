import type { JwtAuth } from '../../../schema/config.ts'
import { parseDuration } from '../../values/units.ts'
import type { TokenRules } from './token.ts'

/**
 * Returns the requirements of an auth method for tokens on one proxy.
 *
 * @param ownAudiences the audiences that name the proxy, for a method without any
 */
export function tokenRulesOf(options: JwtAuth, ownAudiences: readonly string[]): TokenRules {
  return {
    issuer: options.issuer,
    algorithms: new Set(options.algorithms),
    audiences: new Set(options.audiences ?? ownAudiences),
    clients: options.clients && new Set(options.clients),
    clockSkew: parseDuration(options.clockSkew),
  }
}
