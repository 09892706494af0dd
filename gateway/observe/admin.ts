import { createServer, type IncomingMessage, type Server } from 'node:http'
import { printableJson } from '../lib/printable.ts'

/** Source of what operators see; queried for every request. */
export interface AdminSource {
  ready(): boolean | Promise<boolean>
  status(): unknown
  metrics(): string | Promise<string>
}

interface Page {
  readonly status: number
  readonly type: string
  readonly body: string
}

/** Milliseconds that a request may take to arrive, and the precision of that limit. */
const requestTimeoutMs = 5000
const timeoutPrecisionMs = 500
/** Milliseconds that a connection may be idle, even while a response is waiting to be read. */
const idleTimeoutMs = 15_000
const maxConnections = 64

/**
 * Makes the listener for operators: /livez, /readyz, /status and /metrics. It does not listen yet. It refuses requests that
 * another site makes a browser send.
 *
 * @param isAllowed returns whether the Host and Origin headers of a request are allowed
 */
export function createAdminListener(
  source: AdminSource,
  isAllowed: (request: IncomingMessage) => boolean,
): Server {
  const pages: Readonly<Record<string, () => Promise<Page>>> = {
    '/livez': async () => ({ status: 200, type: 'text/plain', body: 'ok\n' }),
    '/readyz': async () =>
      (await source.ready())
        ? { status: 200, type: 'text/plain', body: 'ok\n' }
        : { status: 503, type: 'text/plain', body: 'not ready\n' },
    '/status': async () => ({
      status: 200,
      type: 'application/json',
      body: `${printableJson(JSON.stringify(await source.status()))}\n`,
    }),
    '/metrics': async () => ({
      status: 200,
      type: 'text/plain; version=0.0.4; charset=utf-8',
      body: await source.metrics(),
    }),
  }
  const refused = (status: number): Page => ({
    status,
    type: 'application/json',
    body: `${JSON.stringify({ error: status === 403 ? 'the Host or Origin header is not allowed' : 'not served here' })}\n`,
  })
  const limits = {
    requestTimeout: requestTimeoutMs,
    headersTimeout: requestTimeoutMs,
    connectionsCheckingInterval: timeoutPrecisionMs,
  }
  const listener = createServer(limits, async (request, response) => {
    const path = (request.url ?? '').split('?', 1)[0]!
    const page = Object.hasOwn(pages, path) ? pages[path] : undefined
    const reading = request.method === 'GET' || request.method === 'HEAD'
    const { status, type, body } =
      isCrossSite(request) || !isAllowed(request)
        ? refused(403)
        : page !== undefined && reading
          ? await page()
          : refused(page === undefined ? 404 : 405)
    response.writeHead(status, {
      'content-type': type,
      'content-length': Buffer.byteLength(body),
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...(status >= 400 && status < 500 && { connection: 'close' }),
    })
    response.end(request.method === 'HEAD' ? undefined : body)
  })
  listener.timeout = idleTimeoutMs
  listener.maxConnections = maxConnections
  return listener
}

/** Returns whether a page of another site made a browser send a request (Fetch Metadata), or it has several hosts. */
function isCrossSite({ headers, headersDistinct }: IncomingMessage): boolean {
  const site = headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return true
  return headersDistinct['host']?.length !== 1
}
