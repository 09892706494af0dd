import type { JwtAuth } from '../../../schema/config.ts'
import { checkClient, checkSecretUrl } from './check-client.ts'
import { whyMalformed } from '../../values/formats.ts'
import type { Path } from '../document/pointer.ts'
import { takesTokens } from '../../values/auth-type.ts'
import { parseDuration } from '../../values/units.ts'
import { entries, items, reportAt, type DeepPartial, type CheckContext } from './check-context.ts'

const maxClockSkewMs = 10 * 60_000

/** Issuers can be asked for their keys, clocks are not too far apart, and every proxy knows what its tokens are for. */
export function checkJwt(context: CheckContext): void {
  for (const [name, method] of entries(context.config.auth)) {
    if (takesTokens(method)) checkMethod(context, ['auth', name], method)
  }
  for (const [proxy, { auth }] of entries(context.config.proxies)) {
    if (typeof auth !== 'string') checkAudience(context, proxy, auth)
  }
}

function checkMethod(context: CheckContext, path: Path, method: DeepPartial<JwtAuth>): void {
  const { issuer, clockSkew, introspection } = method
  const why = issuer === undefined || 'jwks' in method ? undefined : whyMalformed('http-url', issuer)
  if (why !== undefined) {
    const message = `keys are to be discovered at this issuer, and it is no URL for that: ${why}; or say where they are with \`jwks\``
    reportAt(context, 'GH1205', [...path, 'issuer'], message)
  }
  if (introspection !== undefined) checkIntrospection(context, path, method, why !== undefined)
  if (clockSkew !== undefined && skewOf(clockSkew) > maxClockSkewMs)
    reportAt(
      context,
      'GH1205',
      [...path, 'clockSkew'],
      'clocks that are more than 10m apart are wrong; write at most `10m`',
    )
}

function checkIntrospection(
  context: CheckContext,
  path: Path,
  { issuer, introspection = {} }: DeepPartial<JwtAuth>,
  reported: boolean,
): void {
  const at = [...path, 'introspection']
  checkClient(context, introspection, at)
  if ('url' in introspection) {
    checkSecretUrl(context, introspection.url, [...at, 'url'])
    return
  }
  const why = issuer === undefined || reported ? undefined : whyMalformed('http-url', issuer)
  if (why === undefined) {
    checkSecretUrl(context, issuer, [...path, 'issuer'])
    return
  }
  const message = `where to ask about tokens is to be discovered at this issuer, and it is no URL for that: ${why}; or say where with \`url\` under \`introspection\``
  reportAt(context, 'GH1205', [...path, 'issuer'], message)
}

/** How far clocks may be apart, in milliseconds; 0 for text with a missing variable, which is no duration. */
export function skewOf(clockSkew: string): number {
  return whyMalformed('duration-or-zero', clockSkew) === undefined ? parseDuration(clockSkew) : 0
}

function checkAudience(
  context: CheckContext,
  proxy: string,
  methods: DeepPartial<string[]> | undefined,
): void {
  // What was written and is wrong is reported as that.
  if ('publicUrl' in (context.config.listen ?? {})) return
  for (const [index, name] of items(methods)) {
    const method = Object.hasOwn(context.config.auth ?? {}, name) ? context.config.auth?.[name] : undefined
    if (method === undefined || !takesTokens(method)) continue
    if (method.type === 'oauth') {
      const message = `\`${name}\` tells clients the URL of this proxy, which nobody knows; set \`listen.publicUrl\``
      reportAt(context, 'GH1340', ['proxies', proxy, 'auth', index], message)
      continue
    }
    if ('audiences' in method) continue
    const message = `\`${name}\` takes only tokens for this proxy's own public URL, which nobody knows; set \`listen.publicUrl\`, or \`audiences\` on \`${name}\``
    reportAt(context, 'GH1330', ['proxies', proxy, 'auth', index], message)
  }
}
