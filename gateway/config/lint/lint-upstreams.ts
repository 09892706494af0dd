import { reportAt } from '../checks/check-context.ts'
import type { WholeContext } from './whole-context.ts'

/** Advises on URLs of upstreams that are probably not MCP endpoints, and on Authorization headers without a scheme. */
export function lintUpstreams(context: WholeContext): void {
  for (const [name, { upstream }] of Object.entries(context.config.proxies)) {
    const path = ['proxies', name, 'upstream']
    const explanation = whyNoEndpoint(upstream.url)
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

function whyNoEndpoint(url: string): { message: string; help: string } | undefined {
  const path = url.replace(/[?].*$/s, '')
  if (/^https?:\/\/[^/]*$/.test(path)) {
    const help = `write the URL of the endpoint, such as \`${path}/mcp\`, or \`${path}/\` for a server that answers at its root`
    return { message: 'this URL has no path, and nothing is appended to it', help }
  }
  if (!/\/sse\/?$/.test(path)) return undefined
  return {
    message: 'this is probably an endpoint of the old HTTP+SSE transport, which Gatehouse does not speak',
    help: `write the URL of the Streamable HTTP endpoint, often \`${path.replace(/\/sse\/?$/, '/mcp')}\``,
  }
}
