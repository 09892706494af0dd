import type { AuthMethod, HeaderValue } from '../../../schema/config.ts'
import { takesTokens } from '../../values/auth-type.ts'
import { quoteValue } from '../document/locate.ts'
import type { Path } from '../document/pointer.ts'
import { isCredential, redact, referenceFor } from '../document/sensitive.ts'
import { entries, items, reportAt, type DeepPartial, type CheckContext } from './check-context.ts'

/** Headers that the gateway or the client sets: they belong to one connection, or describe the body. */
const governed = new Set(
  `connection keep-alive proxy-connection proxy-authenticate te trailer transfer-encoding upgrade host content-length
  accept-encoding accept content-type content-encoding expect last-event-id`.split(/\s+/),
)

/** Credentials that clients send to the gateway only. */
const credentials = new Set(['authorization', 'cookie', 'proxy-authorization'])

/** Request headers that never hold a credential. */
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

/** Checks the headers for upstreams: their names, and literal values. */
export function checkHeaders(context: CheckContext): void {
  for (const [proxy, { upstream }] of entries(context.config.proxies)) {
    const first = new Map<string, Path>()
    for (const [name, value] of Object.entries(upstream?.headers ?? {})) {
      const path = ['proxies', proxy, 'upstream', 'headers', name]
      checkTwice(context, name, path, first)
      if (isGoverned(name)) {
        reportAt(context, 'GH1309', path, {
          message: `the gateway or the client sets \`${name}\` itself`,
          help: name.toLowerCase() === 'host' ? 'write it as `upstream.host`' : 'remove the header',
          part: 'key',
        })
      } else if (value !== undefined) checkValue(context, name, path, value)
    }
    for (const [index, name] of items(upstream?.forwardHeaders)) {
      if (!isGoverned(name) && !credentials.has(name.toLowerCase())) continue
      reportAt(context, 'GH1395', ['proxies', proxy, 'upstream', 'forwardHeaders', index], {
        message: `\`${name}\` is always or never forwarded, whatever this list says`,
        help: 'remove it from the list',
      })
    }
  }
}

/**
 * Checks that keys, tokens and certificates are not read from headers that HTTP, MCP, browsers or tracing need. Such a header
 * would no longer reach any upstream, whoever owns its proxy.
 */
export function checkAuthHeaders(context: CheckContext): void {
  for (const [method, options] of entries(context.config.auth)) {
    const [field, name] = credentialHeader(options)
    if (name === undefined || !isShared(name, options.type === 'mtls')) continue
    const path = ['auth', method, ...field]
    reportAt(context, 'GH1309', path, {
      message: `clients and upstreams need ${quoteValue(context.loadContext, context.config, path)} for something else`,
      help: `choose another name, such as \`${exampleHeaders[options.type ?? 'api-key']}\``,
    })
  }
}

const exampleHeaders = {
  'api-key': 'X-API-Key',
  jwt: 'X-Access-Token',
  oauth: 'Authorization',
  mtls: 'X-Client-Cert',
}

/** Returns the field of an auth method that names the header of its credentials, and the name. */
function credentialHeader(options: DeepPartial<AuthMethod>): [field: string[], name: string | undefined] {
  if (options.type === 'mtls') return [['from', 'header'], options.from?.header]
  if (takesTokens(options)) return [['header'], options.header]
  return [['name'], options.type === 'api-key' && options.in === 'header' ? options.name : undefined]
}

function isShared(name: string, isCertificate: boolean): boolean {
  const lower = name.toLowerCase()
  if (isCertificate && lower === 'authorization') return true
  return isGoverned(lower) || shared.has(lower) || sharedFamilies.some(prefix => lower.startsWith(prefix))
}

/** Returns whether the gateway or the client sets this header itself. */
export function isGoverned(name: string): boolean {
  const lower = name.toLowerCase()
  return governed.has(lower) || lower.startsWith('mcp-')
}

function checkTwice(context: CheckContext, name: string, path: Path, first: Map<string, Path>): void {
  const lower = name.toLowerCase()
  const known = first.get(lower)
  first.set(lower, known ?? path)
  if (known === undefined) return
  reportAt(context, 'GH1310', path, {
    message: `the header \`${name}\` is here twice, and case does not matter`,
    help: 'remove one of them',
    part: 'key',
    related: [{ path: known, part: 'key', message: 'first written here' }],
  })
}

/** Sources of the value of a header. The schema cannot ask for exactly one of them, because `scheme` may be beside it. */
const sources = ['env', 'file', 'value'] as const

function checkValue(context: CheckContext, name: string, path: Path, header: DeepPartial<HeaderValue>): void {
  const given = sources.filter(source => source in header)
  if (given.length !== 1) {
    reportAt(context, 'GH1212', path, {
      message: `\`${name}\` names ${given.length === 0 ? 'no source' : 'more than one source'}`,
      help: 'write exactly one of `env`, `file`, `value`',
    })
  }
  const { value } = header
  if (value === undefined) return
  const at = [...path, 'value']
  if (isCredential(name, value)) {
    reportCredential(context, name, at, true)
    return
  }
  checkHeaderValue(context, value, at)
}

/** Reports a literal value under a name that is usually one of a credential, and redacts the value. */
export function reportCredential(context: CheckContext, name: string, path: Path, isHeader = false): void {
  const { reference } = referenceFor(quoteValue(context.loadContext, context.config, path), isHeader)
  redact(context.loadContext, context.config, path)
  reportAt(context, 'GH1308', path, {
    whateverValue: true,
    message: `\`${name}\` looks like a credential in clear`,
    help: `treat a real credential as leaked, and write \`${reference}\` or \`{file: path}\``,
  })
}

/** Checks that a header can carry a value (RFC 9110 §5.5). */
export function checkHeaderValue(context: CheckContext, value: string, path: Path): void {
  const explanation = /[\r\n]/.test(value)
    ? { message: 'this header value contains a line break', help: 'remove the line break' }
    : /[^\t\x20-\x7e]/.test(value)
      ? { message: 'this header value is not printable ASCII', help: 'use printable ASCII only' }
      : value !== value.trim()
        ? { message: 'this header value begins or ends with a space', help: 'remove the space' }
        : undefined
  if (explanation !== undefined) reportAt(context, 'GH1311', path, explanation)
}
