import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import { acceptedContent, inputRequired, inputResponse, McpServer } from '@modelcontextprotocol/server'
import t from 'tap'
import type { Test } from 'tap'
import * as z from 'zod'

import { createEndpoint } from '../examples/mock-server/endpoint.ts'
import { connectDuring, type Era } from './fixtures/clients.ts'

const person = z.object({ name: z.string() })

/** A server whose one tool asks the user for a name and the model for a rhyme on it. */
function askingServer(): McpServer {
  const server = new McpServer({ name: 'asking', version: '1.0.0' })
  server.registerTool('ask', { inputSchema: z.object({}) }, (_, ctx) => {
    const { inputResponses } = ctx.mcpReq
    const answered = acceptedContent(inputResponses, 'who', person)
    if (answered === undefined) {
      const who = inputRequired.elicit({ message: 'Who?', requestedSchema: person })
      return inputRequired({ inputRequests: { who, rhyme: rhymeRequest() } })
    }
    const rhyme = inputResponse(inputResponses, 'rhyme')
    const content = rhyme.kind === 'sampling' ? JSON.stringify(rhyme.result.content) : ''
    return { content: [{ type: 'text', text: `${answered.name} ${content}` }] }
  })
  return server
}

function rhymeRequest(): ReturnType<typeof inputRequired.createMessage> {
  const content = { type: 'text', text: 'A rhyme, please' } as const
  return inputRequired.createMessage({ messages: [{ role: 'user', content }], maxTokens: 10 })
}

async function start(t: Test): Promise<string> {
  const endpoint = createEndpoint(askingServer)
  const http = createServer((req, res) => void endpoint.handle(req, res)).listen(0, '127.0.0.1')
  await once(http, 'listening')
  t.teardown(async () => {
    await endpoint.close()
    http.closeAllConnections()
    http.close()
  })
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`
}

for (const era of ['v1', 'legacy', 'modern', 'auto'] as Era[]) {
  t.test(`${era}: a tool asks the client for elicitation and sampling`, async t => {
    const connection = await connectDuring(t, await start(t), {
      era,
      elicitation: ({ message }) => ({ action: 'accept', content: { name: `${message} Ada` } }),
      sampling: ({ maxTokens }) => ({
        model: 'none',
        role: 'assistant',
        content: { type: 'text', text: `${maxTokens} words` },
      }),
    })
    const [text] = (await connection.callTool('ask')).content
    t.match(text, { text: /^Who\? Ada .*10 words/ })
  })

  t.test(`${era}: a client without these capabilities is not asked`, async t => {
    const connection = await connectDuring(t, await start(t), { era })
    if (connection.protocolVersion === '2026-07-28')
      await t.rejects(connection.callTool('ask'), { code: -32021 })
    else t.equal((await connection.callTool('ask')).isError, true)
  })
}
