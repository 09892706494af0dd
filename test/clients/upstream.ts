import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { setTimeout as wait } from 'node:timers/promises'
import { McpServer } from '@modelcontextprotocol/server'
import * as z from 'zod'
import { createEndpoint } from '../../examples/mock-server/endpoint.ts'

/** Name of the tool that the gateway hides. */
export const hiddenTool = 'delete_note'

/** A running upstream. */
export type Upstream = { url: string; close(): Promise<void> }

/**
 * Starts an MCP server of both eras with five tools: `get_note`, `delete_note`, `get_slow`, which sends nothing for
 * `slowMs`, not even headers, `get_broken`, which gets a 502 with a page of HTML, and `get_cut`, which gets no response
 * at all.
 */
export async function startUpstream(slowMs: number): Promise<Upstream> {
  const endpoint = createEndpoint(createNotes)
  const http = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy())
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`,
    async close() {
      await endpoint.close()
      http.closeAllConnections()
      http.close()
    },
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'POST') return endpoint.handle(request, response)
    const body = (await json(request)) as { method?: string; params?: { name?: string } }
    const tool = body.method === 'tools/call' ? body.params?.name : undefined
    if (tool === 'get_broken') {
      return void response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad Gateway</h1>')
    }
    if (tool === 'get_cut') return void request.socket.destroy()
    if (tool === 'get_slow') await wait(slowMs)
    return endpoint.handle(request, response, body)
  }
}

function createNotes(): McpServer {
  const server = new McpServer({ name: 'notes', version: '1.0.0' })
  for (const name of ['get_note', 'get_slow', 'get_broken', 'get_cut', hiddenTool]) {
    server.registerTool(name, { description: `Runs ${name}`, inputSchema: z.object({}) }, () => ({
      content: [{ type: 'text', text: `${name} has run` }],
    }))
  }
  return server
}
