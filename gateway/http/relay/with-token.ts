import type { Dispatcher } from 'undici'
import type { ForwardedCall, UpstreamClient } from '../exchange/snapshot.ts'
import type { TokenSource } from '../exchange/tokens.ts'

/**
 * Decorates a client: each call carries the gateway's token. After a 401, which means that nothing was done (RFC 6750 §3.1),
 * it is sent once more with another token. The handler gets one response; if no token can be had, it gets the error.
 */
export function withToken(client: UpstreamClient, tokens: TokenSource): UpstreamClient {
  return {
    dispatch: (call, handler) => void dispatchWithToken(client, tokens, call, handler),
  }
}

async function dispatchWithToken(
  client: UpstreamClient,
  tokens: TokenSource,
  call: ForwardedCall,
  handler: Dispatcher.DispatchHandler,
): Promise<void> {
  const { headers, subject } = call
  const send = (token: string, to: Dispatcher.DispatchHandler): void => {
    const sent = { ...call, headers: [...headers, 'authorization', `Bearer ${token}`], subject: undefined }
    client.dispatch(sent, to)
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

/** Passes everything on except a 401. That response is aborted; the callback can still pass its head on. */
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
