import type { Exchange } from '../exchange/exchange.ts'
import type { ClientConnection } from './client-connection.ts'

/** Milliseconds until a client that ended its side is probed for the first time. */
const probeDelayMs = 200
/**
 * Bounds on the time between two probes, which doubles, as clients are at different distances: the reset that one probe
 * causes is seen by the next.
 */
const minProbeIntervalMs = 100
const maxProbeIntervalMs = 6400

/**
 * Starts to probe a client whose departure would go unnoticed: it has ended its side, or the gateway reads nothing from it.
 * Probes stop when the gateway reads again, or the response has ended.
 */
export function probeSoon(connection: ClientConnection): void {
  if (connection.isProbed) return
  connection.isProbed = true
  setTimeout(probe, probeDelayMs, connection, minProbeIntervalMs).unref()
}

function probe(connection: ClientConnection, nextMs: number): void {
  const { current, socket, isHeld } = connection
  connection.isProbed = !socket.destroyed && current !== undefined && (isHeld || socket.readableEnded)
  if (!connection.isProbed) return
  probeClient(current!, socket.readableEnded)
  setTimeout(probe, nextMs, connection, Math.min(2 * nextMs, maxProbeIntervalMs)).unref()
}

/**
 * Asks a client whether it still waits for its response. A client that is gone sends the same FIN as one that has only
 * finished sending, but it answers anything that reaches it with a reset; then the upstream call is aborted. Before the
 * head of the response the probe is an informational response (RFC 9110 §15.2), in an event stream a comment.
 *
 * @param hasEnded whether the client has ended its side
 */
function probeClient({ request, response, relay }: Exchange, hasEnded: boolean): void {
  if (response.headersSent) relay?.probe(hasEnded)
  else if (request.httpVersionMinor > 0) response.writeProcessing()
}
