import type { JwtAuth } from '../../../schema/config.ts'
import { checkClient, checkSecretUrl } from './check-client.ts'
import { whyMalformed } from '../../values/formats.ts'
import { quoteValue } from '../document/locate.ts'
import type { Path } from '../document/pointer.ts'
import { takesTokens } from '../../values/auth-type.ts'
import { parseDuration } from '../../values/units.ts'
import { entries, items, reportAt, type DeepPartial, type CheckContext } from './check-context.ts'

const maxClockSkewMs = 10 * 60_000

/** Checks that issuers can be asked for their keys, that clock skew is small, and that the audience of every proxy is known. */
export function checkJwt(context: CheckContext): void {
  for (const [name, method] of entries(context.config.auth)) {
    if (takesTokens(method)) checkMethod(context, ['auth', name], method)
  }
  for (const [proxy, { auth }] of entries(context.config.proxies)) {
    if (typeof auth !== 'string') checkAudience(context, proxy, auth)
  }
}

function checkMethod(context: CheckContext, path: Path, method: DeepPartial<JwtAuth>): void {
  const { type, issuer, clockSkew, introspection, header } = method
  if (type === 'oauth' && header !== undefined && header.toLowerCase() !== 'authorization') {
    reportAt(context, 'GH1309', [...path, 'header'], {
      message: 'clients that log in send their tokens in Authorization',
      help: 'remove `header`, or write `type: jwt` for tokens that a proxy in front of the gateway sends',
    })
  }
  const why = issuer === undefined || 'jwks' in method ? undefined : whyMalformed('http-url', issuer)
  if (why !== undefined) {
    reportAt(context, 'GH1205', [...path, 'issuer'], {
      message: `keys cannot be discovered at this issuer: it is ${why.message}`,
      help: `${why.help}, or set \`jwks\``,
    })
  }
  if (introspection !== undefined) checkIntrospection(context, path, method, why !== undefined)
  if (clockSkew !== undefined && skewOf(clockSkew) > maxClockSkewMs) {
    const at = [...path, 'clockSkew']
    reportAt(context, 'GH1205', at, {
      message: `${quoteValue(context.loadContext, context.config, at)} is more than 10 minutes`,
      help: 'write at most `10m`',
    })
  }
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
  reportAt(context, 'GH1205', [...path, 'issuer'], {
    message: `the introspection endpoint cannot be discovered at this issuer: it is ${why.message}`,
    help: `${why.help}, or set \`url\` under \`introspection\``,
  })
}

/** Returns the clock skew in milliseconds; 0 for a text with a missing variable. */
export function skewOf(clockSkew: string): number {
  return whyMalformed('duration-or-zero', clockSkew) === undefined ? parseDuration(clockSkew) : 0
}

function checkAudience(
  context: CheckContext,
  proxy: string,
  methods: DeepPartial<string[]> | undefined,
): void {
  // A wrong `publicUrl` is reported already.
  if ('publicUrl' in (context.config.listen ?? {})) return
  for (const [index, name] of items(methods)) {
    const method = Object.hasOwn(context.config.auth ?? {}, name) ? context.config.auth?.[name] : undefined
    if (method === undefined || !takesTokens(method)) continue
    if (method.type === 'oauth') {
      reportAt(context, 'GH1340', ['proxies', proxy, 'auth', index], {
        message: `\`${name}\` needs the public URL of this proxy, and it is not known`,
        help: 'set `listen.publicUrl`, such as `https://mcp.example.com`',
      })
      continue
    }
    if ('audiences' in method || 'clients' in method) continue
    reportAt(context, 'GH1330', ['proxies', proxy, 'auth', index], {
      message: `\`${name}\` accepts tokens for the public URL of this proxy only, and it is not known`,
      help: `set \`listen.publicUrl\`, or \`audiences\` of \`${name}\``,
    })
  }
}
