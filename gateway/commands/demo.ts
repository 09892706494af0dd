import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { choosePorts, type Ports } from './demo/ports.ts'
import { jsonLine, welcome } from './demo/welcome.ts'
import { parseCommandLine, usageError, type Io } from './cli/io.ts'
import { addKey } from './keys/new.ts'
import { instantText } from './keys/options.ts'
import { start } from './run.ts'
import { stopSignal } from './cli/signals.ts'

const usage = `gatehouse demo [--format text|json] [--ephemeral]

Starts a mock MCP server and a gateway before it, with a fresh key, on a copy of
examples/quickstart/gateway.yaml in a temporary folder; and says how to call it.
Ctrl-C stops both and removes the folder.

  --format FORMAT        text, or json for one line with url, key, admin, config
                         (default: text)
  --ephemeral            take free ports rather than 8080, 9090 and 7878
`

const options = {
  format: { type: 'string', default: 'text' },
  ephemeral: { type: 'boolean', default: false },
} as const

const examples = new URL('../../examples/', import.meta.url)

/** Runs the quickstart until a signal comes. Returns 0 then, and 1 or 2 where it cannot start. */
export async function demo(args: string[], io: Io): Promise<number> {
  const parsed = parseCommandLine(args, options, usage, io)
  if (!parsed.ok) return parsed.exitCode
  const { format, ephemeral } = parsed.values
  if (format !== 'text' && format !== 'json') {
    return usageError(`'${format}' is no format; there are text, json`, usage, io).exitCode
  }
  const stopped = stopSignal()
  await using running = new AsyncDisposableStack()
  const ports = await choosePorts(ephemeral, io)
  const mock = await startMock(ports.mock, io)
  if (mock === undefined) return 2
  running.defer(() => mock.close())
  const config = join(temporaryFolder(running), 'gateway.yaml')
  writeFileSync(config, quickstart())
  let key = ''
  const expires = instantText(Date.now() + 30 * 86_400_000)
  const request = { name: 'demo', roles: ['operator'], expires }
  await addKey(config, request, io, true, ({ secret }) => (key = secret))
  const gateway = await start(config, true, { ...io, env: { ...io.env, ...variables(ports, mock.url) } })
  if (typeof gateway === 'number') return gateway
  running.defer(() => gateway.close())
  const facts = { url: `${gateway.url}/mock/mcp`, key, admin: gateway.adminUrl, config, mock: mock.url }
  io.stdout(format === 'json' ? jsonLine(facts) : welcome(facts))
  await stopped
  return 0
}

async function startMock(port: number, io: Io): Promise<{ url: string; close(): Promise<void> } | undefined> {
  try {
    const { startMockServer } = await import('../../examples/mock-server/server.ts')
    return await startMockServer({ port })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    io.stderr(
      'gatehouse: the mock server or what it needs is not installed here: run `npm install` in a clone of the repository\n',
    )
    return undefined
  }
}

/** A folder that nobody else can look into, and that goes with this process, however it ends. */
function temporaryFolder(running: AsyncDisposableStack): string {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'gatehouse-demo-'))
  const remove = (): void => rmSync(folder, { recursive: true, force: true })
  process.on('exit', remove)
  running.defer(remove)
  return folder
}

// Editors find the schema from the copy, too.
function quickstart(): string {
  const text = readFileSync(new URL('quickstart/gateway.yaml', examples), 'utf8')
  return text.replace('../../schema/', new URL('../schema/', examples).href)
}

/** What examples/quickstart/gateway.yaml takes from the environment. */
function variables({ gateway, admin }: Ports, mock: string): Record<string, string> {
  return {
    GATEHOUSE_ADDRESS: `127.0.0.1:${gateway}`,
    GATEHOUSE_ADMIN_ADDRESS: `127.0.0.1:${admin}`,
    MOCK_URL: mock,
  }
}
