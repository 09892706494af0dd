import { join } from 'node:path'
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client'
import { UnauthorizedError as UnauthorizedV1 } from '@modelcontextprotocol/sdk/client/auth.js'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import t from 'tap'
import { load } from '../gateway/config/load.ts'
import { startAuthorizationServer } from './fixtures/authorization-server.ts'
import { startExample } from './fixtures/example.ts'
import { startMock } from './fixtures/mock.ts'
import { createMemoryProvider, publicClient, type MemoryProvider } from './fixtures/oauth-client.ts'

const server = await startAuthorizationServer([{ ...publicClient, scope: 'mcp:read mcp:write' }])
t.teardown(server.close)
const path = join(import.meta.dirname, '../examples/oauth/gateway.yaml')

/** The part of both official clients that this is about. */
interface Opened {
  connect(): Promise<void>
  finish(callback: URLSearchParams): Promise<void>
  call(tool: string): Promise<unknown>
  list(): Promise<string[]>
  close(): Promise<void>
}

const info = { name: 'desktop', version: '1' }

const clients: Record<string, (url: URL, authProvider: MemoryProvider) => Opened> = {
  v1(url, authProvider) {
    const client = new ClientV1(info)
    const transport = new TransportV1(url, { authProvider: authProvider as never })
    return {
      connect: () => client.connect(transport as never),
      finish: callback => transport.finishAuth(callback.get('code')!),
      call: name => client.callTool({ name, arguments: {} }),
      list: async () => (await client.listTools()).tools.map(({ name }) => name),
      close: () => client.close(),
    }
  },
  v2(url, authProvider) {
    const client = new Client(info, { versionNegotiation: { mode: 'auto' } })
    const transport = new StreamableHTTPClientTransport(url, { authProvider })
    return {
      connect: () => client.connect(transport),
      finish: callback => transport.finishAuth(callback),
      call: name => client.callTool({ name, arguments: {} }),
      list: async () => (await client.listTools()).tools.map(({ name }) => name),
      close: () => client.close(),
    }
  },
}

function isUnauthorized(error: unknown): boolean {
  return error instanceof UnauthorizedError || error instanceof UnauthorizedV1
}

for (const [name, open] of Object.entries(clients)) {
  t.test(`the official client ${name} logs in and steps up, knowing the URL only`, async t => {
    const { url: upstream } = await startMock(t)
    t.strictSame(load(path, { env: {}, now: new Date() }).diagnostics, [], 'valid without any variable')
    const gateway = await startExample(t, path, { ISSUER: server.issuer, MOCK_URL: upstream })
    const url = new URL(`${gateway.url}/mock/mcp`)
    const provider = createMemoryProvider()
    const first = open(url, provider)
    const refused: unknown = await first.connect().catch((error: unknown) => error)
    t.ok(isUnauthorized(refused), String(refused))
    t.equal(provider.visited.length, 1)
    t.equal(provider.visited[0]!.origin, server.issuer)
    t.equal(provider.visited[0]!.searchParams.get('resource'), url.href)
    t.equal(provider.visited[0]!.searchParams.get('scope'), 'mcp:read')
    await first.finish(await provider.callback())
    await first.close()

    const client = open(url, provider)
    t.teardown(() => client.close())
    await client.connect()
    t.ok((await client.list()).includes('generate_uuid'), 'what needs another scope is listed')
    t.match(await client.call('get_users'), { content: [{ type: 'text' }] })
    t.equal(provider.visited.length, 1)

    const lacking: unknown = await client.call('generate_uuid').catch((error: unknown) => error)
    t.ok(isUnauthorized(lacking), String(lacking))
    t.equal(provider.visited.length, 2)
    t.same(provider.visited[1]!.searchParams.get('scope')!.split(' ').toSorted(), ['mcp:read', 'mcp:write'])
    await client.finish(await provider.callback())
    t.match(await client.call('generate_uuid'), { content: [{ type: 'text' }] })
    t.match(await client.call('get_users'), { content: [{ type: 'text' }] })
    t.equal(provider.visited.length, 2)
  })
}
