import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'

import { NodeStreamableHTTPServerTransport } from '@modelcontextprotocol/node'
import { isInitializeRequest } from '@modelcontextprotocol/server'
import type { McpServer } from '@modelcontextprotocol/server'

import { createEventStore } from './events.ts'

const maxEvents = 1000

/** The legacy half of an endpoint: sessions from `initialize` to DELETE. */
export interface Sessions {
  /** Answers a legacy request; `body` is its parsed JSON, absent for GET and DELETE. */
  handle(req: IncomingMessage, res: ServerResponse, body?: unknown): Promise<void>
  /** Sends `notifications/resources/updated` to every session that subscribed to `uri`. */
  resourceUpdated(uri: string): void
  /** Number of open sessions. */
  count(): number
  close(): Promise<void>
}

interface Session {
  transport: NodeStreamableHTTPServerTransport
  server: McpServer
  subscriptions: Set<string>
}

/**
 * Serves MCP 2025-03-26 to 2025-11-25 over Streamable HTTP, with one `McpServer` from `createServer` per session.
 * A request without a session id gets 400, one with an unknown id 404. At most `maxSessions` are kept; the
 * least recently used one is dropped first, because clients seldom send DELETE.
 */
export function createSessions(createServer: () => McpServer, maxSessions: number = 1000): Sessions {
  const sessions = new Map<string, Session>()

  async function open(): Promise<NodeStreamableHTTPServerTransport> {
    const server = createServer()
    const subscriptions = new Set<string>()
    const transport = new NodeStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      eventStore: createEventStore(maxEvents),
      retryInterval: 250,
      onsessioninitialized: id => {
        sessions.set(id, { transport, server, subscriptions })
        if (sessions.size > maxSessions) dropOldest()
      },
      onsessionclosed: id => void sessions.delete(id),
    })
    server.server.setRequestHandler('resources/subscribe', ({ params }) => {
      subscriptions.add(params.uri)
      return {}
    })
    server.server.setRequestHandler('resources/unsubscribe', ({ params }) => {
      subscriptions.delete(params.uri)
      return {}
    })
    await server.connect(transport)
    return transport
  }

  function dropOldest(): void {
    for (const [id, { server }] of sessions) {
      sessions.delete(id)
      return void server.close()
    }
  }

  return {
    async handle(req, res, body) {
      const id = req.headers['mcp-session-id']
      if (id === undefined && isInitializeRequest(body)) return (await open()).handleRequest(req, res, body)
      const session = typeof id === 'string' ? sessions.get(id) : undefined
      if (typeof id !== 'string' || session === undefined) return refuse(res, id === undefined ? 400 : 404)
      sessions.delete(id)
      sessions.set(id, session)
      return session.transport.handleRequest(req, res, body)
    },
    resourceUpdated(uri) {
      for (const { server, subscriptions } of sessions.values())
        if (subscriptions.has(uri)) void server.server.sendResourceUpdated({ uri })
    },
    count: () => sessions.size,
    async close() {
      const open = [...sessions.values()]
      sessions.clear()
      await Promise.all(open.map(session => session.server.close()))
    },
  }
}

function refuse(res: ServerResponse, status: 400 | 404): void {
  const error =
    status === 400
      ? { code: -32000, message: 'Bad Request: Mcp-Session-Id header is required' }
      : { code: -32001, message: 'Session not found' }
  res.writeHead(status, { 'content-type': 'application/json' })
  res.end(JSON.stringify({ jsonrpc: '2.0', id: null, error }))
}
