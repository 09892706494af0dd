import type { JwtAuth } from '../../../schema/config.ts'
import { takesTokens } from '../../values/auth-type.ts'
import { hasVariable, quote, quoteValue } from '../document/locate.ts'
import type { Path } from '../document/pointer.ts'
import { entries, items, reportAt, type CheckContext, type DeepPartial } from './check-context.ts'

/** Warns of wildcards and placeholders in values that are compared character by character, and of claims that no token has. */
export function checkExactValues(context: CheckContext): void {
  for (const [name, { path, upstream }] of entries(context.config.proxies)) {
    const at = ['proxies', name]
    if (path !== undefined) checkPath(context, path, [...at, 'path'])
    for (const [claim] of entries(upstream?.caller?.claims))
      checkClaim(context, claim, [...at, 'upstream', 'caller', 'claims', claim])
    const issuer = upstream?.auth?.type === 'client-credentials' ? upstream.auth.issuer : undefined
    if (issuer !== undefined) checkIssuer(context, issuer, [...at, 'upstream', 'auth', 'issuer'])
  }
  for (const [name, method] of entries(context.config.auth)) {
    if (takesTokens(method)) checkMethod(context, method, ['auth', name])
  }
}

function checkMethod(
  context: CheckContext,
  { issuer, audiences, grants }: DeepPartial<JwtAuth>,
  path: Path,
): void {
  if (issuer !== undefined) checkIssuer(context, issuer, [...path, 'issuer'])
  for (const [index, audience] of items(audiences)) {
    if (!placeholder.test(audience)) continue
    const help = 'write the audience as it is in `aud`'
    report(context, [...path, 'audiences', index], 'no token is for it', help)
  }
  for (const [index, { when }] of items(grants)) {
    for (const [claim] of entries(when?.claims))
      checkClaim(context, claim, [...path, 'grants', index, 'when', 'claims', claim])
  }
}

function report(context: CheckContext, path: Path, effect: string, help: string): void {
  const shown = quoteValue(context.loadContext, context.config, path)
  reportAt(context, 'GH1432', path, {
    message: `${shown} is compared character by character, so ${effect}`,
    help,
  })
}

/** A segment of a path that stands for others in other programs. */
const pathWildcard = /\*|\/:[A-Za-z_]|\(\?|\$$/

function checkPath(context: CheckContext, path: string, at: Path): void {
  if (!pathWildcard.test(path)) return
  const isWritten = !hasVariable(context.loadContext, context.config, at)
  const before = path.slice(0, path.search(pathWildcard)).replace(/\/[^/]*$/, '')
  const help = `write the whole path, such as \`${isWritten ? before : '/mock'}/mcp\``
  report(context, at, 'clients reach it under this very path only', help)
}

const placeholder = /[*{}<>]|^\^|\bYOUR[-_]/

/** Names for several tenants, at which Entra ID issues no token. */
const anyTenant = /^https:\/\/login\.microsoftonline\.(?:com|us)\/(?:common|organizations)(?:\/|$)/

function checkIssuer(context: CheckContext, issuer: string, at: Path): void {
  const none = 'no token has this issuer'
  const [base = '', ...metadata] = issuer.split('/.well-known/')
  if (metadata.length > 0) {
    const issuer = hasVariable(context.loadContext, context.config, at) ? '' : ` \`${base}\``
    report(context, at, none, `write the issuer${issuer} instead of the URL of its metadata`)
  } else if (placeholder.test(issuer)) {
    report(context, at, none, 'write the issuer as it is in `iss`, and an auth method for each issuer')
  } else if (anyTenant.test(issuer)) {
    report(
      context,
      at,
      none,
      'write the issuer with the ID of your tenant, and an auth method for each tenant',
    )
  }
}

/** Claims that are text, a number or a list by their definition, and hold no other claims (RFC 7519, RFC 9068, OpenID Connect). */
const plainClaims: ReadonlySet<string> = new Set(
  `iss sub aud exp nbf iat jti azp client_id scope scp sid nonce acr amr auth_time email email_verified name
  preferred_username`.split(/\s+/),
)

function checkClaim(context: CheckContext, name: string, at: Path): void {
  const [first = '', ...rest] = name.split('.')
  const explanation = /^\$\.|^\/|->|\[(?:\d+|\*)?\]/.test(name)
    ? { why: 'a path in another notation', help: 'separate the steps with dots, as in `realm_access.roles`' }
    : name !== name.trim()
      ? { why: 'a name with a space at an end', help: 'remove the space' }
      : rest.length > 0 && [first, ...rest].includes('')
        ? { why: 'a path with an empty step', help: 'remove the dot that nothing is beside' }
        : rest.length > 0 && plainClaims.has(first)
          ? {
              why: `a path into \`${first}\`, which is no object`,
              help: `write \`${first}\`, or the path to the claim`,
            }
          : undefined
  if (explanation === undefined) return
  reportAt(context, 'GH1433', at, {
    message: `no token has the claim ${quote(name)}: it is ${explanation.why}`,
    help: explanation.help,
    part: 'key',
  })
}
