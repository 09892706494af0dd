import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream } from 'node:stream/web'
import { toWebRequest } from '@modelcontextprotocol/node'
import {
  createMcpHandler,
  createRequestStateCodec,
  hostHeaderValidationResponse,
  InMemoryServerEventBus,
  isLegacyRequest,
  localhostAllowedHostnames,
  localhostAllowedOrigins,
  McpServer,
  originValidationResponse,
} from '@modelcontextprotocol/server'
import { registerInputRequiredTools } from './input-required-tools.ts'
import type { RoundState } from './input-required-tools.ts'
import { registerInputTools } from './input-tools.ts'
import { createLegacySessions } from './legacy-sessions.ts'
import { registerPrompts } from './prompts.ts'
import { registerResources } from './resources.ts'
import { loadSkills } from './skills.ts'
import { createTasks } from './tasks.ts'
import { registerTools } from './tools.ts'

export type EverythingServer = { url: string; close(): Promise<void> }

/**
 * Starts the MCP server for the conformance suite: everything that the suite tests, in both eras, on one endpoint of
 * 127.0.0.1.
 *
 * @param options `port` to listen on; any free one when absent
 * @returns the endpoint's URL, and a function that ends the server and all its streams
 * @throws what `listen` throws, such as EADDRINUSE
 */
export async function startEverythingServer(options: { port?: number } = {}): Promise<EverythingServer> {
  const changes = new InMemoryServerEventBus()
  const attachSkills = await loadSkills()
  const tasks = createTasks()
  const states = createRequestStateCodec<RoundState>({ key: randomBytes(32) })

  function createMcpServer(): McpServer {
    const listed = { ttlMs: 60_000, cacheScope: 'public' as const }
    const server = new McpServer(
      { name: 'everything', version: '1.0.0' },
      {
        capabilities: {
          logging: {},
          completions: {},
          tools: { listChanged: true },
          prompts: { listChanged: true },
          resources: { listChanged: true, subscribe: true },
          extensions: tasks.capabilities,
        },
        cacheHints: {
          'tools/list': listed,
          'prompts/list': listed,
          'resources/list': listed,
          'resources/templates/list': listed,
        },
        requestState: { verify: states.verify },
      },
    )
    registerTools(server, changes)
    registerInputTools(server)
    registerInputRequiredTools(server, states)
    registerResources(server)
    registerPrompts(server)
    tasks.registerTools(server)
    attachSkills(server)
    return server
  }

  const modern = createMcpHandler(createMcpServer, { legacy: 'reject', bus: changes })
  const legacy = createLegacySessions(createMcpServer, changes)

  async function answer(request: Request): Promise<Response> {
    const refused =
      hostHeaderValidationResponse(request, localhostAllowedHostnames()) ??
      originValidationResponse(request, localhostAllowedOrigins())
    if (refused) return refused
    if (new URL(request.url).pathname !== '/mcp')
      return Response.json({ error: 'not found' }, { status: 404 })
    if (await isLegacyRequest(request)) return legacy.handle(request)
    return (await tasks.handle(request)) ?? modern.fetch(request)
  }

  const http = createServer((req, res) => void exchange(req, res, answer))
  http.listen(options.port ?? 0, '127.0.0.1')
  await once(http, 'listening')
  const { port } = http.address() as AddressInfo

  return {
    url: `http://127.0.0.1:${port}/mcp`,
    async close() {
      tasks.close()
      await Promise.all([modern.close(), legacy.close()])
      http.closeAllConnections()
      await new Promise(resolve => http.close(resolve))
    },
  }
}

async function exchange(
  req: IncomingMessage,
  res: ServerResponse,
  answer: (request: Request) => Promise<Response>,
): Promise<void> {
  const left = new AbortController()
  res.once('close', () => left.abort())
  try {
    const incoming = req as IncomingMessage & { method: string; url: string }
    const response = await answer(await toWebRequest(incoming, undefined, { signal: left.signal }))
    res.writeHead(response.status, Object.fromEntries(response.headers))
    // A silent stream is open too, and its client waits for that.
    res.flushHeaders()
    if (response.body === null) res.end()
    // Unlike a loop over the body, a pipeline also cancels a silent stream when its client leaves.
    else await pipeline(Readable.fromWeb(response.body as ReadableStream), res)
  } catch (error) {
    if (left.signal.aborted) return
    if (res.headersSent) return void res.destroy()
    const status = (error as { status?: number }).status ?? 500
    res.writeHead(status, { 'content-type': 'application/json' })
    res.end(JSON.stringify({ error: (error as Error).message }))
  }
}

if (import.meta.main) {
  const server = await startEverythingServer({ port: Number(process.env['PORT'] ?? 0) })
  console.log(server.url)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void server.close())
}
