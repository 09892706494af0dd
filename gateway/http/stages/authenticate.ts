import type { AuthenticatedExchange } from '../exchange/exchange.ts'
import { identify, type Identity } from './credentials.ts'
import type { Stage } from './stage.ts'

/** Finds out who sends the request. */
export const authenticate: Stage<AuthenticatedExchange> = {
  name: 'authenticate',
  run(exchange) {
    const { proxy, head, snapshot } = exchange
    const found = identify(proxy, head, Date.now(), snapshot.revocations)
    // Awaiting costs time, even for a value that is there.
    return found instanceof Promise ? found.then(late => note(exchange, late)) : note(exchange, found)
  },
}

function note(exchange: AuthenticatedExchange, { principal, method, subject }: Identity): undefined {
  exchange.principal = principal
  exchange.method = method
  exchange.subject = subject
}
