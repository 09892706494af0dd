import { randomUUID } from 'node:crypto'
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/server'
import type { McpServer, ServerEvent, ServerEventBus } from '@modelcontextprotocol/server'
import { createEventStore } from './event-store.ts'

export type LegacySessions = {
  handle(request: Request): Promise<Response>
  close(): Promise<void>
}

/**
 * Serves the legacy era: one server and one transport per session, opened by `initialize` and ended by
 * DELETE (2025-11-25, transports, "Session Management").
 */
export function createLegacySessions(createServer: () => McpServer, changes: ServerEventBus): LegacySessions {
  const sessions = new Map<string, WebStandardStreamableHTTPServerTransport>()

  async function open(request: Request): Promise<Response> {
    const server = createServer()
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      eventStore: createEventStore(),
      retryInterval: 50,
      onsessioninitialized: id => void sessions.set(id, transport),
      onsessionclosed: id => void sessions.delete(id),
    })
    const watched = watchResources(server)
    const unsubscribe = changes.subscribe(event => void announce(server, watched, event))
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- the SDK's callback, not a DOM event
    server.server.onclose = unsubscribe
    await server.connect(transport)
    const response = await transport.handleRequest(request)
    if (transport.sessionId === undefined) await server.close()
    return response
  }

  return {
    async handle(request) {
      const id = request.headers.get('mcp-session-id')
      if (id === null) return open(request)
      const transport = sessions.get(id)
      if (transport) return transport.handleRequest(request)
      const error = { code: -32001, message: 'Session not found' }
      return Response.json({ jsonrpc: '2.0', error, id: null }, { status: 404 })
    },
    async close() {
      await Promise.all([...sessions.values()].map(transport => transport.close()))
    },
  }
}

function watchResources(server: McpServer): Set<string> {
  const watched = new Set<string>()
  server.server.setRequestHandler('resources/subscribe', ({ params }) => {
    watched.add(params.uri)
    return {}
  })
  server.server.setRequestHandler('resources/unsubscribe', ({ params }) => {
    watched.delete(params.uri)
    return {}
  })
  return watched
}

async function announce(server: McpServer, watched: Set<string>, event: ServerEvent): Promise<void> {
  switch (event.kind) {
    case 'tools_list_changed':
      return server.server.sendToolListChanged()
    case 'prompts_list_changed':
      return server.server.sendPromptListChanged()
    case 'resources_list_changed':
      return server.server.sendResourceListChanged()
    case 'resource_updated':
      return watched.has(event.uri) ? server.server.sendResourceUpdated({ uri: event.uri }) : undefined
  }
}
