import type { IncomingMessage, ServerResponse } from 'node:http'

import { toNodeHandler, toWebRequest } from '@modelcontextprotocol/node'
import type { NodeIncomingMessageLike } from '@modelcontextprotocol/node'
import { createMcpHandler, isLegacyRequest } from '@modelcontextprotocol/server'
import type { McpServer } from '@modelcontextprotocol/server'

import { createSessions } from './sessions.ts'

/** One MCP endpoint that speaks both eras. */
export interface Endpoint {
  /** Answers one HTTP request to the endpoint's path. `parsed` is the body, if the caller has read it already. */
  handle(req: IncomingMessage, res: ServerResponse, parsed?: unknown): Promise<void>
  /** Notifies every subscriber, of either era, that the resource `uri` has changed. */
  resourceUpdated(uri: string): void
  /** Number of open legacy sessions. */
  sessions(): number
  /** Ends all sessions, streams and calls. */
  close(): Promise<void>
}

/**
 * Creates an endpoint from a factory of servers. Requests with the `_meta` envelope of 2026-07-28 are stateless, with one
 * server per request. All others belong to a legacy session, with one server per session.
 */
export function createEndpoint(createServer: () => McpServer): Endpoint {
  const modern = createMcpHandler(createServer, { legacy: 'reject' })
  const handleModern = toNodeHandler(modern)
  const legacy = createSessions(createServer)

  return {
    async handle(req, res, parsed) {
      if (req.method === 'GET' || req.method === 'DELETE') return legacy.handle(req, res)
      if (req.method !== 'POST') return void res.writeHead(405, { allow: 'GET, POST, DELETE' }).end()
      // Node's type has optional members that may be undefined, the SDK's has not.
      const request = req as NodeIncomingMessageLike
      let body: unknown
      try {
        body = parsed ?? (await (await toWebRequest(request)).json())
      } catch (error) {
        return refuseBody(res, error)
      }
      const isLegacy = await isLegacyRequest(await toWebRequest(request, body), body)
      return isLegacy ? legacy.handle(req, res, body) : handleModern(request, res, body)
    },
    resourceUpdated(uri) {
      modern.notify.resourceUpdated(uri)
      legacy.resourceUpdated(uri)
    },
    sessions: legacy.count,
    async close() {
      await Promise.all([modern.close(), legacy.close()])
    },
  }
}

function refuseBody(res: ServerResponse, error: unknown): void {
  const tooLarge = error instanceof Error && 'status' in error && error.status === 413
  const reply = tooLarge
    ? { status: 413, code: -32000, message: error.message }
    : { status: 400, code: -32700, message: 'Parse error: Invalid JSON' }
  res.writeHead(reply.status, { 'content-type': 'application/json' })
  res.end(JSON.stringify({ jsonrpc: '2.0', id: null, error: { code: reply.code, message: reply.message } }))
}
