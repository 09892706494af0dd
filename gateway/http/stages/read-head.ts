import { peerCertificate } from './peer-certificate.ts'
import { checkSingle } from './single-headers.ts'
import type { Stage } from './stage.ts'
import { checkWire } from './wire.ts'

/** Reads what is known before the body, and refuses what two readers of HTTP could take differently. */
export const readHead: Stage = {
  name: 'readHead',
  run(exchange) {
    const { request } = exchange
    checkWire(request)
    const { method = '', url = '', headers, rawHeaders, socket } = request
    checkSingle(method, rawHeaders)
    const mark = url.indexOf('?')
    exchange.head = {
      method,
      path: mark === -1 ? url : url.slice(0, mark),
      query: mark === -1 ? '' : url.slice(mark + 1),
      headers,
      localAddress: () => socket.localAddress ?? '',
      remoteAddress: socket.remoteAddress ?? '',
      clientCertificate: () => peerCertificate(socket),
    }
    return undefined
  },
}
