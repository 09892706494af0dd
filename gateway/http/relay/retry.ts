import type { Dispatcher } from 'undici'
import type { Subject, TokenSource } from '../exchange/tokens.ts'
import type { UpstreamCall, UpstreamDispatcher } from '../client/pool.ts'

/**
 * Sends a request with the gateway's token, and once more with another where the upstream answers 401: that says
 * that nothing was done (RFC 6750 §3.1). The handler sees one answer; whatever keeps the request from being sent is
 * an error of it. Never throws.
 *
 * @param subject on whose behalf the token is got; only the source of tokens is shown it
 */
export async function dispatchWithToken(
  dispatcher: UpstreamDispatcher,
  options: UpstreamCall,
  handler: Dispatcher.DispatchHandler,
  tokens: TokenSource,
  subject: Subject | undefined,
): Promise<void> {
  const send = (token: string, to: Dispatcher.DispatchHandler): void => {
    dispatcher.dispatch({ ...options, headers: [...options.headers, 'authorization', `Bearer ${token}`] }, to)
  }
  const again = async (refused: string, answer: () => void): Promise<void> => {
    const other = await tokens.renew(refused, subject)
    if (other === undefined) answer()
    else send(other, handler)
  }
  const fail = (error: unknown): void => handler.onResponseError?.(undefined as never, error as Error)
  try {
    const token = await tokens.token(subject)
    send(
      token,
      exceptUnauthorized(handler, answer => void again(token, answer).catch(fail)),
    )
  } catch (error) {
    fail(error)
  }
}

/** Passes everything on but a 401, which is given up and handed over as a way to pass it on after all. */
function exceptUnauthorized(
  handler: Dispatcher.DispatchHandler,
  onUnauthorized: (answer: () => void) => void,
): Dispatcher.DispatchHandler {
  let over = false
  return {
    onRequestStart: (controller, context) => handler.onRequestStart?.(controller, context),
    onResponseStart(controller, status, headers, message) {
      if (status !== 401) return handler.onResponseStart?.(controller, status, headers, message)
      over = true
      controller.abort(new Error('the upstream refused the token'))
      onUnauthorized(() => handler.onResponseStart?.(controller, status, headers, message))
    },
    onResponseData(controller, chunk) {
      if (!over) handler.onResponseData?.(controller, chunk)
    },
    onResponseEnd(controller, trailers) {
      if (!over) handler.onResponseEnd?.(controller, trailers)
    },
    onResponseError(controller, error) {
      if (!over) handler.onResponseError?.(controller, error)
    },
  }
}
