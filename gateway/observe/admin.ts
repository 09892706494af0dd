import { createServer, type Server } from 'node:http'
import { printableJson } from './printable.ts'

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

/** The listener for operators, not listening yet: /livez, /readyz, /status and /metrics. */
export function createAdminListener(source: AdminSource): Server {
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
    body: '{"error":"not served here"}\n',
  })
  return createServer(async (request, response) => {
    const path = (request.url ?? '').split('?', 1)[0]!
    const page = Object.hasOwn(pages, path) ? pages[path] : undefined
    const reading = request.method === 'GET' || request.method === 'HEAD'
    const { status, type, body } =
      page !== undefined && reading ? await page() : refused(page === undefined ? 404 : 405)
    response.writeHead(status, {
      'content-type': type,
      'content-length': Buffer.byteLength(body),
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    })
    response.end(request.method === 'HEAD' ? undefined : body)
  })
}
