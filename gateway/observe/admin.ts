import { createServer, type Server } from 'node:http'

/** What operators are told; asked for anew with every request. */
export interface AdminSource {
  ready(): boolean
  status(): unknown
  metrics(): string
}

/** The listener for operators, not listening yet: /livez, /readyz, /status and /metrics. */
export function createAdminListener(source: AdminSource): Server {
  const pages: Readonly<Record<string, () => { status: number; type: string; body: string }>> = {
    '/livez': () => ({ status: 200, type: 'text/plain', body: 'ok\n' }),
    '/readyz': () =>
      source.ready()
        ? { status: 200, type: 'text/plain', body: 'ok\n' }
        : { status: 503, type: 'text/plain', body: 'not ready\n' },
    '/status': () => ({
      status: 200,
      type: 'application/json',
      body: `${JSON.stringify(source.status())}\n`,
    }),
    '/metrics': () => ({
      status: 200,
      type: 'text/plain; version=0.0.4; charset=utf-8',
      body: source.metrics(),
    }),
  }
  return createServer((request, response) => {
    const path = (request.url ?? '').split('?', 1)[0]!
    const page = Object.hasOwn(pages, path) ? pages[path] : undefined
    const reading = request.method === 'GET' || request.method === 'HEAD'
    const { status, type, body } =
      page !== undefined && reading
        ? page()
        : {
            status: page === undefined ? 404 : 405,
            type: 'application/json',
            body: '{"error":"not served here"}\n',
          }
    response.writeHead(status, {
      'content-type': type,
      'content-length': Buffer.byteLength(body),
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    })
    response.end(request.method === 'HEAD' ? undefined : body)
  })
}
