import { apiKey } from './api-key.ts'
import { jwt, oauth } from './jwt.ts'
import { mtls } from './mtls.ts'
import { origin } from './origin.ts'

/** Every policy, in the order in which a request meets them. */
export const policies = [origin, apiKey, jwt, oauth, mtls] as const
