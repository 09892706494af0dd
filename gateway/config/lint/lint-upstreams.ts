import type { ClientCredentialsAuth } from '../../../schema/config.ts'
import { reportAt } from '../checks/check-context.ts'
import type { Path } from '../document/pointer.ts'
import { hasVariable } from '../document/locate.ts'
import type { WholeContext } from './whole-context.ts'

/**
 * Advises on URLs of upstreams that are probably not MCP endpoints, on Authorization headers without a scheme, and on token
 * requests that Microsoft Entra refuses.
 */
export function lintUpstreams(context: WholeContext): void {
  for (const [name, { upstream }] of Object.entries(context.config.proxies)) {
    const path = ['proxies', name, 'upstream']
    if (upstream.auth?.type === 'client-credentials') lintResource(context, upstream.auth, [...path, 'auth'])
    const isWritten = !hasVariable(context.loadContext, context.config, [...path, 'url'])
    const explanation = whyNoEndpoint(upstream.url, isWritten)
    if (explanation !== undefined) reportAt(context, 'GH2030', [...path, 'url'], explanation)
    for (const [header, value] of Object.entries(upstream.headers)) {
      if (header.toLowerCase() !== 'authorization' || value.scheme !== undefined) continue
      if (context.textOf(value)?.trim().includes(' ')) continue
      reportAt(context, 'GH2031', [...path, 'headers', header], {
        message: 'the secret is sent without a word such as `Bearer` before it',
        help: 'add `scheme: Bearer`, or `scheme: ""` if the secret contains the word or the server wants none',
        part: 'key',
      })
    }
  }
}

/** Token endpoints of version 2.0 of Microsoft Entra, in every cloud. */
const entra =
  /^https:\/\/login\.(?:microsoftonline\.com|microsoftonline\.us|partner\.microsoftonline\.cn)\/[^?]*\/v2\.0\//i

function lintResource(
  context: WholeContext,
  { tokenUrl, resource, audience }: ClientCredentialsAuth,
  path: Path,
): void {
  if (tokenUrl === undefined || !entra.test(tokenUrl)) return
  if (resource === undefined ? audience !== undefined : resource === 'none') return
  reportAt(context, 'GH2032', [...path, resource === undefined ? 'tokenUrl' : 'resource'], {
    message: 'Microsoft Entra takes the target from `scope`, and refuses a `resource` beside it',
    help: 'write `resource: none`',
  })
}

function whyNoEndpoint(url: string, isWritten: boolean): { message: string; help: string } | undefined {
  const path = url.replace(/[?].*$/s, '')
  const shown = isWritten ? path : 'https://tools.example.com'
  if (/^https?:\/\/[^/]*$/.test(path)) {
    const help = `write the URL of the endpoint, such as \`${shown}/mcp\`, or \`${shown}/\` for a server that answers at its root`
    return { message: 'this URL has no path, and nothing is appended to it', help }
  }
  if (!/\/sse\/?$/.test(path)) return undefined
  return {
    message: 'this is probably an endpoint of the old HTTP+SSE transport, which Gatehouse does not speak',
    help: `write the URL of the Streamable HTTP endpoint, often \`${shown.replace(/\/sse\/?$/, '')}/mcp\``,
  }
}
