import { createServer, type IncomingMessage, type Server } from 'node:http'
import { printableJson } from '../lib/printable.ts'

/** What operators are told; asked for anew with every request. */
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

/** Milliseconds that a request may take to arrive, and precision of that. */
const requestTimeout = 5000
const timeoutPrecision = 500
/** Milliseconds that a connection may do nothing, an answer that nobody takes included. */
const idleTimeout = 15_000
const maxConnections = 64

/**
 * Makes the listener for operators, not listening yet: /livez, /readyz, /status and /metrics. It answers nothing that
 * another site makes a browser ask.
 *
 * @param isKnown returns whether the Host and Origin headers of a request may come from outside a browser, or from one
 *   that shows a page of this listener
 */
export function createAdminListener(
  source: AdminSource,
  isKnown: (request: IncomingMessage) => boolean,
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
    requestTimeout,
    headersTimeout: requestTimeout,
    connectionsCheckingInterval: timeoutPrecision,
  }
  const listener = createServer(limits, async (request, response) => {
    const path = (request.url ?? '').split('?', 1)[0]!
    const page = Object.hasOwn(pages, path) ? pages[path] : undefined
    const reading = request.method === 'GET' || request.method === 'HEAD'
    const { status, type, body } =
      isFromElsewhere(request) || !isKnown(request)
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
  listener.timeout = idleTimeout
  listener.maxConnections = maxConnections
  return listener
}

/** Whether a browser sends a request because of a page of another site (Fetch Metadata), or one that names two hosts. */
function isFromElsewhere({ headers, headersDistinct }: IncomingMessage): boolean {
  const site = headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return true
  return headersDistinct['host']?.length !== 1
}
