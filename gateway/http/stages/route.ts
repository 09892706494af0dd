import { isOauthEndpoint } from '../../auth/resource.ts'
import { Refusal } from '../../mcp/errors.ts'
import { quotedPart } from '../../mcp/header-value.ts'
import type { RoutedExchange } from '../exchange/exchange.ts'
import { refuseLogin, serveMetadata } from './resource-metadata.ts'
import type { Stage } from './stage.ts'
import { checkNotNamed } from './wire.ts'

/** Finds the proxy by its path, with or without a slash at the end; answers requests for a proxy's metadata. */
export const route: Stage<RoutedExchange> = {
  name: 'route',
  run(exchange) {
    const { head, snapshot } = exchange
    const described = snapshot.proxiesByMetadataPath.get(head.path)
    if (described?.resource !== undefined) {
      exchange.proxy = described
      serveMetadata(exchange, head, described, described.resource)
      return 'answered'
    }
    const proxy = snapshot.proxiesByPath.get(head.path)
    if (proxy === undefined) {
      if (!isOauthEndpoint(head.path)) throw unknownPath(head.path)
      refuseLogin(exchange, head)
      return 'answered'
    }
    exchange.proxy = proxy
    checkNotNamed(head.headers.connection, proxy.authenticators)
    return undefined
  },
}

function unknownPath(path: string): Refusal {
  return new Refusal('path_unknown', { values: { path: quotedPart(path) } })
}
