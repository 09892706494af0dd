import type { HeaderValue } from '../../../schema/config.ts'
import type { Path } from '../document/pointer.ts'
import { looksLikeCredential, mask } from '../document/sensitive.ts'
import { entries, items, reportAt, type DeepPartial, type CheckContext } from './check-context.ts'

/** What the gateway or the client decides: what belongs to one connection, or says how a body is to be read. */
const governed = new Set(
  `connection keep-alive proxy-connection proxy-authenticate te trailer transfer-encoding upgrade host content-length
  accept-encoding accept content-type content-encoding expect last-event-id`.split(/\s+/),
)

/** Of the client, for the gateway alone. */
const credentials = new Set(['authorization', 'cookie', 'proxy-authorization'])

/** Request headers that are no credential in any use of them, and so no place for one. */
const shared = new Set(
  `cookie proxy-authorization origin referer user-agent range cache-control pragma date via from warning forwarded
  allow location max-forwards priority prefer traceparent tracestate baggage b3 x-request-id x-correlation-id`.split(
    /\s+/,
  ),
)
const sharedFamilies = [
  'accept-',
  'access-control-',
  'content-',
  'if-',
  'sec-',
  'x-b3-',
  'x-content-',
  'x-gatehouse-',
]

/** Headers that are sent upstream: their names, and values that stand in the file. */
export function checkHeaders(context: CheckContext): void {
  for (const [proxy, { upstream }] of entries(context.config.proxies)) {
    const first = new Map<string, Path>()
    for (const [name, value] of Object.entries(upstream?.headers ?? {})) {
      const path = ['proxies', proxy, 'upstream', 'headers', name]
      checkTwice(context, name, path, first)
      if (isGoverned(name)) {
        reportAt(
          context,
          'GH1309',
          path,
          `the gateway or the client decides \`${name}\`; take this header out`,
          {
            part: 'key',
          },
        )
      } else if (value !== undefined) checkLiteral(context, name, path, value)
    }
    for (const [index, name] of items(upstream?.forwardHeaders)) {
      if (!isGoverned(name) && !credentials.has(name.toLowerCase())) continue
      const message = `whether \`${name}\` is forwarded is not for this list to say; take it out`
      reportAt(context, 'GH1395', ['proxies', proxy, 'upstream', 'forwardHeaders', index], message)
    }
  }
}

/**
 * Headers that keys and certificates are read from: not those that HTTP, MCP, browsers or tracing need. They would be
 * withheld from every upstream, whoever's proxy it belongs to.
 */
export function checkAuthHeaders(context: CheckContext): void {
  for (const [method, options] of entries(context.config.auth)) {
    const [path, name] =
      options.type === 'mtls'
        ? [['auth', method, 'from', 'header'], options.from?.header]
        : options.type === 'api-key' && options.in === 'header'
          ? [['auth', method, 'name'], options.name]
          : [[], undefined]
    if (name === undefined || !isShared(name, options.type === 'mtls')) continue
    const message = `\`${name}\` has a meaning of its own for clients or upstreams, and would reach none of them any more; choose another name, such as ${options.type === 'mtls' ? 'X-Client-Cert' : 'X-API-Key'}`
    reportAt(context, 'GH1309', path, message)
  }
}

function isShared(name: string, isCertificate: boolean): boolean {
  const lower = name.toLowerCase()
  if (isCertificate && lower === 'authorization') return true
  return isGoverned(lower) || shared.has(lower) || sharedFamilies.some(prefix => lower.startsWith(prefix))
}

/** Whether the gateway sets a header of this name itself. */
export function isGoverned(name: string): boolean {
  const lower = name.toLowerCase()
  return governed.has(lower) || lower.startsWith('mcp-')
}

function checkTwice(context: CheckContext, name: string, path: Path, first: Map<string, Path>): void {
  const lower = name.toLowerCase()
  const known = first.get(lower)
  first.set(lower, known ?? path)
  if (known === undefined) return
  const related = [{ path: known, part: 'key' as const, message: 'first written here' }]
  const message = `\`${name}\` stands here already: case makes no difference in header names; keep one of them`
  reportAt(context, 'GH1310', path, message, { part: 'key', related })
}

function checkLiteral(
  context: CheckContext,
  name: string,
  path: Path,
  { value }: DeepPartial<HeaderValue>,
): void {
  if (value === undefined) return
  const at = [...path, 'value']
  if (looksLikeCredential(name)) {
    mask(context.loadContext, context.config, at)
    const message = `\`${name}\` looks like a credential, and those do not stand in this file; write \`{env: NAME}\` or \`{file: path}\`. If this is one, treat it as leaked`
    reportAt(context, 'GH1308', at, message)
    return
  }
  const why = whyUnfit(value)
  if (why !== undefined) reportAt(context, 'GH1311', at, `this value ${why}`)
}

/** Why no header can carry this text (RFC 9110, 5.5), as a clause; undefined when one can. */
export function whyUnfit(value: string): string | undefined {
  if (/[\r\n]/.test(value)) return 'has a line break, and no header can carry one'
  if (/[^\t\x20-\x7e]/.test(value))
    return 'has a character that no header can carry: only printable ASCII is safe'
  if (value !== value.trim()) return 'begins or ends with a space, and no header can carry one there'
  return undefined
}
