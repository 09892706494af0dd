import { createServer, type IncomingHttpHeaders } from 'node:http'
import { Pool } from 'undici'

/**
 * The cost of Node itself: a plain relay that only forwards requests.
 * `node bench/relay.ts PORT UPSTREAM_PORT`
 */
const [port, upstream] = process.argv.slice(2).map(Number)
const pool = new Pool(`http://127.0.0.1:${upstream}`, { connections: null, pipelining: 1 })

function forwarded({
  connection: _connection,
  host: _host,
  ...headers
}: IncomingHttpHeaders): IncomingHttpHeaders {
  return headers
}

createServer((request, response) => {
  pool
    .stream(
      { path: request.url!, method: request.method!, headers: forwarded(request.headers), body: request },
      ({ statusCode, headers }) => response.writeHead(statusCode, forwarded(headers)),
    )
    .catch(() => {
      if (response.headersSent) response.destroy()
      else response.writeHead(502).end()
    })
}).listen(port, '127.0.0.1')
