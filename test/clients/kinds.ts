import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { connect, type Era } from '../fixtures/clients.ts'

/** Time that a client is told to wait for a response: more than the slow call takes. */
const timeout = 180_000

type Result = { content?: unknown; isError?: boolean | undefined }

/** A connected client, reduced to what is tried. */
export interface Connected {
  listTools(): Promise<string[]>
  /** Returns the text of the result. Rejects with the error that the client reports. */
  callTool(name: string): Promise<string>
  close(): Promise<void>
}

/** A client as its users get it. */
export interface Kind {
  readonly name: string
  /** Number of legacy sessions that it opens. More of them mean that one was lost. */
  readonly sessions: number
  /** What its user reads after a wrong key. */
  readonly wrongKey: RegExp
  connect(url: string, key: string): Promise<Connected>
}

/** All clients that are tried. */
export const kinds: readonly Kind[] = [
  sdk('v1', 'TypeScript SDK 1.x', 1),
  sdk('legacy', 'TypeScript SDK 2.x, legacy', 1),
  sdk('auto', 'TypeScript SDK 2.x, auto', 0),
  mcpRemote('mcp-remote', [], 2),
  mcpRemote('mcp-remote --protocol auto', ['--protocol', 'auto'], 0),
  { name: '@ai-sdk/mcp', sessions: 0, wrongKey: /the key/, connect: connectAiSdk },
  { name: '@langchain/mcp-adapters', sessions: 1, wrongKey: /the key/, connect: connectLangChain },
]

const bearer = (key: string): string => `Bearer ${key}`

function sdk(era: Era, name: string, sessions: number): Kind {
  return {
    name,
    sessions,
    // In the mode `auto` the SDK does not show the response.
    wrongKey: /the key|requires authorization/,
    async connect(url, key) {
      const connection = await connect(url, { era, headers: { authorization: bearer(key) } })
      return {
        listTools: async () => (await connection.listTools()).map(({ name }) => name),
        callTool: async name => textOf(await connection.callTool(name, {}, { timeout })),
        close: () => connection.close(),
      }
    },
  }
}

/** The bridge from stdio to HTTP, with the SDK as the client that starts it. */
function mcpRemote(name: string, options: string[], sessions: number): Kind {
  return {
    name,
    sessions,
    // It takes every 401 as an invitation to log in. The response to that says what is wrong.
    wrongKey: /Registration rejected.*the key or token .* is missing, wrong or expired/,
    async connect(url, key) {
      const home = await mkdtemp(join(tmpdir(), 'gatehouse-mcp-remote-'))
      const remove = () => rm(home, { recursive: true, force: true, maxRetries: 5 })
      const program = join(import.meta.dirname, 'node_modules/mcp-remote/dist/proxy.js')
      const transport = new StdioClientTransport({
        command: process.execPath,
        args: [program, url, '--header', 'Authorization:${AUTH_HEADER}', ...options],
        env: { PATH: process.env['PATH'] ?? '', MCP_REMOTE_CONFIG_DIR: home, AUTH_HEADER: bearer(key) },
        stderr: 'pipe',
      })
      let log = ''
      transport.stderr?.on('data', (text: Buffer) => (log += text.toString()))
      const client = new Client({ name: 'gatehouse-test', version: '1.0.0' })
      await client.connect(transport).catch(async (error: unknown) => {
        await client.close()
        await remove()
        throw new Error(`${(error as Error).message}\n${log}`, { cause: error })
      })
      return {
        listTools: async () => (await client.listTools()).tools.map(({ name }) => name),
        callTool: async name =>
          textOf((await client.callTool({ name, arguments: {} }, undefined, { timeout })) as Result),
        async close() {
          await client.close()
          await remove()
        },
      }
    },
  }
}

interface AiSdk {
  createMCPClient(options: object): Promise<{
    listTools(): Promise<{ tools: { name: string }[] }>
    callTool(call: object): Promise<Result>
    close(): Promise<void>
  }>
}

async function connectAiSdk(url: string, key: string): Promise<Connected> {
  const { createMCPClient } = (await load('@ai-sdk/mcp')) as AiSdk
  const headers = { Authorization: bearer(key) }
  const client = await createMCPClient({ transport: { type: 'http', url, headers } })
  return {
    listTools: async () => (await client.listTools()).tools.map(({ name }) => name),
    callTool: async name => textOf(await client.callTool({ name, arguments: {}, options: { timeout } })),
    close: () => client.close(),
  }
}

interface LangChain {
  MultiServerMCPClient: new (options: object) => {
    getTools(): Promise<{ name: string; invoke(input: object): Promise<unknown> }[]>
    getClient(name: string): Promise<Client | undefined>
    close(): Promise<void>
  }
}

async function connectLangChain(url: string, key: string): Promise<Connected> {
  const { MultiServerMCPClient } = (await load('@langchain/mcp-adapters')) as LangChain
  const headers = { Authorization: bearer(key) }
  const client = new MultiServerMCPClient({
    defaultToolTimeout: timeout,
    mcpServers: { notes: { transport: 'http', url, headers, automaticSSEFallback: false } },
  })
  await client.getTools()
  return {
    listTools: async () => (await client.getTools()).map(({ name }) => name),
    async callTool(name) {
      const tool = (await client.getTools()).find(tool => tool.name === name)
      if (tool !== undefined) return String(await tool.invoke({}))
      // A model cannot call a tool that was not listed. The program behind it can.
      const direct = await client.getClient('notes')
      return textOf((await direct!.callTool({ name, arguments: {} })) as Result)
    },
    close: () => client.close(),
  }
}

function textOf({ content, isError }: Result): string {
  const text = (content as { text?: string }[]).map(({ text = '' }) => text).join('')
  if (isError === true) throw new Error(text)
  return text
}

/** Imports a package of test/clients, which need not be installed for the type check. */
async function load(name: string): Promise<unknown> {
  return import(pathToFileURL(createRequire(import.meta.url).resolve(name)).href)
}
