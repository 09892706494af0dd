import { peerCertificate } from './peer-certificate.ts'
import { checkSingle } from './single-headers.ts'
import type { Stage } from './stage.ts'
import { checkWire } from './wire.ts'

/** Reads the request head; refuses what two HTTP parsers could read differently. */
export const readHead: Stage = {
  name: 'readHead',
  run(exchange) {
    const { request } = exchange
    checkWire(request)
    const { method = '', url = '', headers, rawHeaders, socket } = request
    checkSingle(method, request)
    const mark = url.indexOf('?')
    exchange.head = {
      method,
      path: mark === -1 ? url : url.slice(0, mark),
      query: mark === -1 ? '' : url.slice(mark + 1),
      headers,
      rawHeaders,
      remoteAddress: socket.remoteAddress ?? '',
      clientCertificate: () => peerCertificate(socket),
    }
    return undefined
  },
}
