import { checkAddresses } from './check-addresses.ts'
import { checkArgon2 } from './check-argon2.ts'
import type { CheckContext } from './check-context.ts'
import { checkAuthHeaders, checkHeaders } from './check-headers.ts'
import { checkJwt } from './check-jwt.ts'
import { checkExactValues } from './check-exact-values.ts'
import { checkHashes, checkPepper, checkWindows } from './check-keys.ts'
import { checkMaxBody } from './check-max-body.ts'
import { checkMtls } from './check-mtls.ts'
import { checkNames } from './check-names.ts'
import { checkGlobs } from './check-patterns.ts'
import { checkAuth, checkPaths } from './check-proxies.ts'
import { checkUpstreams } from './check-upstreams.ts'

/** Checks across fields, in the order in which they run. */
export const checks: readonly ((context: CheckContext) => void)[] = [
  checkNames,
  checkPaths,
  checkGlobs,
  checkExactValues,
  checkAuth,
  checkJwt,
  checkMtls,
  checkHeaders,
  checkAuthHeaders,
  checkMaxBody,
  checkAddresses,
  checkUpstreams,
  checkHashes,
  checkPepper,
  checkArgon2,
  checkWindows,
]
