import { access } from './access.ts'
import { apiKey } from './api-key.ts'
import { jwt } from './jwt.ts'
import { mtls } from './mtls.ts'
import { origin } from './origin.ts'

/** Every policy, in the order in which a request meets them. */
export const policies = [origin, apiKey, jwt, mtls, access] as const
