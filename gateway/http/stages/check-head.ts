import type { RoutedExchange } from '../exchange/exchange.ts'
import type { Stage } from './stage.ts'

/** Asks the proxy's policies of the stage `head`, such as `origin`. */
export const checkHead: Stage<RoutedExchange> = {
  name: 'checkHead',
  run(exchange) {
    const { head, proxy } = exchange
    proxy.checkHead(head)
    exchange.originAllowed = head.headers.origin !== undefined
    return undefined
  },
}
