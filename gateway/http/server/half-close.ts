import type { Exchange } from '../exchange/exchange.ts'

/**
 * Asks a client that has ended its side whether it still waits for its answer. A client that is gone sends the same FIN as
 * one that is only done sending, but answers whatever reaches it with a reset, and then the upstream call is given up.
 * Before the head of the answer that is an informational answer (RFC 9110 §15.2), in an event stream a comment.
 *
 * @param hasEnded whether the client has ended its side, rather than that nothing of it is read at the moment
 */
export function probeClient({ request, response, relay }: Exchange, hasEnded: boolean): void {
  if (response.headersSent) relay?.probe(hasEnded)
  else if (request.httpVersionMinor > 0) response.writeProcessing()
}
