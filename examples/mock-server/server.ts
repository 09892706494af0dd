import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'

import { hostHeaderValidation, localhostOriginValidation } from '@modelcontextprotocol/node'
import { localhostAllowedHostnames, McpServer } from '@modelcontextprotocol/server'

import { createData } from './data.ts'
import type { Data } from './data.ts'
import { createEndpoint } from './endpoint.ts'
import { registerPrompts } from './prompts.ts'
import { registerResources } from './resources.ts'
import { registerAnalyticsTools } from './tools/analytics.ts'
import { registerPostTools } from './tools/posts.ts'
import { registerProductTools } from './tools/products.ts'
import { registerRequestTools } from './tools/requests.ts'
import type { SlowCalls } from './tools/requests.ts'
import { registerTextTools } from './tools/text.ts'
import { registerUserTools } from './tools/users.ts'

/** A running mock server. */
export interface MockServer {
  /** MCP endpoint. `/health` is beside it. */
  url: string
  /** Ends all sessions, streams and connections, and resolves when the port is free. */
  close(): Promise<void>
}

/**
 * Starts the mock MCP server with fresh data. Port 0 takes any free port. Only `Host` names of the loopback
 * interface, the name in `host` and those in `allowedHosts` are accepted; others get 403, against DNS
 * rebinding. Rejects when the address is not available.
 */
export async function startMockServer(
  options: { host?: string; port?: number; allowedHosts?: string[] } = {},
): Promise<MockServer> {
  const { host = '127.0.0.1', port = 7878, allowedHosts = [] } = options
  const slowCalls: SlowCalls = { active: 0, completed: 0, aborted: 0, disconnected: 0 }
  const data = createData(uri => endpoint.resourceUpdated(uri))
  const endpoint = createEndpoint(() => createMcpServer(data, slowCalls))
  const hostIsAllowed = hostHeaderValidation([...localhostAllowedHostnames(), host, ...allowedHosts])
  const originIsAllowed = localhostOriginValidation()

  async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    if (!hostIsAllowed(req, res) || !originIsAllowed(req, res)) return
    const path = req.url?.split('?', 1)[0]
    if (path === '/mcp') await endpoint.handle(req, res)
    else if (path === '/health' && req.method === 'GET')
      sendJson(res, 200, { status: 'ok', sessions: endpoint.sessions(), slowCalls })
    else sendJson(res, 404, { error: 'Not found. The MCP endpoint is /mcp.' })
  }

  const http = createServer((req, res) => {
    handle(req, res).catch(error => {
      console.error(error)
      if (res.headersSent) res.destroy()
      else sendJson(res, 500, { error: 'Internal error' })
    })
  })
  http.listen(port, host)
  await once(http, 'listening')
  const { address, family, port: listeningPort } = http.address() as AddressInfo
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${listeningPort}/mcp`,
    async close() {
      const closed = once(http, 'close')
      http.close()
      await endpoint.close()
      http.closeAllConnections()
      await closed
    },
  }
}

function createMcpServer(data: Data, slowCalls: SlowCalls): McpServer {
  // The lists are the same for all callers.
  const cacheHint = { ttlMs: 0, cacheScope: 'public' } as const
  const server = new McpServer(
    { name: 'gatehouse-mock', title: 'Gatehouse mock server', version: '1.0.0' },
    {
      capabilities: { resources: { subscribe: true } },
      instructions: 'A small shop with a blog, in memory. Whatever you change is gone when the server ends.',
      cacheHints: { 'tools/list': cacheHint, 'prompts/list': cacheHint, 'resources/list': cacheHint },
    },
  )
  registerUserTools(server, data)
  registerPostTools(server, data)
  registerProductTools(server, data)
  registerAnalyticsTools(server, data)
  registerTextTools(server)
  registerRequestTools(server, slowCalls)
  registerPrompts(server, data)
  registerResources(server, data)
  return server
}

function sendJson(res: ServerResponse, status: number, body: unknown): void {
  res.writeHead(status, { 'content-type': 'application/json' })
  res.end(JSON.stringify(body))
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      host: { type: 'string', default: '127.0.0.1' },
      port: { type: 'string', default: '7878' },
      'allow-host': { type: 'string', multiple: true, default: [] },
    },
  })
  const port = Number(values.port)
  const server = await startMockServer({ host: values.host, port, allowedHosts: values['allow-host'] })
  console.log(`mock MCP server: ${server.url}`)
  await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')])
  await server.close()
}

if (import.meta.main) await main()
