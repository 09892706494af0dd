import { createServer } from 'node:http'

/**
 * An upstream with open, silent streams: it acknowledges `subscriptions/listen` and sends nothing else.
 * `node bench/silent-upstream.ts PORT`
 */
const acknowledged = `event: message\ndata: ${JSON.stringify({
  jsonrpc: '2.0',
  method: 'notifications/subscriptions/acknowledged',
  params: {
    _meta: { 'io.modelcontextprotocol/subscriptionId': 1 },
    notifications: { toolsListChanged: true },
  },
})}\n\n`

createServer((request, response) => {
  request.resume().once('end', () => {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
    response.write(acknowledged)
  })
}).listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 4096 })
