import { randomBytes } from 'node:crypto'
import { appendFile, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createDemoFolder } from './demo/folder.ts'
import { changesIn } from './demo/news.ts'
import { choosePorts, type Ports } from './demo/ports.ts'
import { jsonLine, welcome } from './demo/welcome.ts'
import { parseCommandLine } from './cli/arguments.ts'
import { formatOption } from './cli/common-options.ts'
import type { Io } from './cli/io.ts'
import { newSecret } from '../auth/api-key/key.ts'
import { addKeys } from './keys/add.ts'
import { instantText } from './keys/options.ts'
import { start } from './run.ts'
import { stopSignal } from './cli/signals.ts'

const options = {
  format: formatOption,
  ephemeral: { type: 'boolean', default: false, help: 'Use free ports instead of 8080, 9090 and 7878' },
} as const

export const help = {
  name: 'demo',
  paragraphs: [
    'Starts a mock MCP server and a gateway in front of it, and prints how to call it with a new key. `--format json` prints one line with url, key, admin, config and log.',
    'The gateway runs on a copy of examples/quickstart/gateway.yaml in a temporary folder, and writes its log there. Ctrl-C stops both servers and removes the folder, unless you changed the configuration.',
  ],
  options,
  exitCodes: [
    ['0', 'The demo was stopped by a signal'],
    ['1', 'The configuration has errors'],
    ['2', 'Invalid usage, the mock server is not installed, or an address is not available'],
    ['129, 130, 143', 'A second SIGHUP, SIGINT or SIGTERM stopped the demo at once'],
  ],
} as const

const examples = new URL('../../examples/', import.meta.url)

/** Runs the quickstart until a signal stops it. Returns the exit code. */
export async function run(args: string[], io: Io): Promise<number> {
  const parsed = await parseCommandLine(args, help, io)
  if (!parsed.ok) return parsed.exitCode
  const { format, ephemeral } = parsed.values
  const stopped = stopSignal()
  await using running = new AsyncDisposableStack()
  const ports = await choosePorts(ephemeral, io)
  const mock = await startMock(ports.mock, io)
  if (mock === undefined) return 2
  running.defer(() => mock.close())
  const { config, log, ready, dispose } = createDemoFolder(io)
  running.defer(dispose)
  writeFileSync(config, quickstart())
  writeFileSync(join(dirname(config), sessionSecret), randomBytes(48).toString('base64'), { mode: 0o600 })
  const key = newSecret()
  const fields = { roles: ['operator'], expires: instantText(Date.now() + 30 * 86_400_000) }
  await addKeys(config, undefined, fields, [{ name: 'demo', secret: key }], io, true, () => {})
  ready()
  const gateway = await start(config, true, {
    ...io,
    env: { ...io.env, ...variables(ports, mock.url) },
    logSink: (bytes, done) => {
      if (format === 'text') io.stderr(changesIn(bytes.toString()))
      appendFile(log, bytes, done)
    },
  })
  if (typeof gateway === 'number') return gateway
  running.defer(() => gateway.close())
  const facts = { url: `${gateway.url}/mock/mcp`, key, admin: gateway.adminUrl, config, log, mock: mock.url }
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
    io.stderr('gatehouse: the mock server is not installed; run `npm ci` in a clone of the repository\n')
    return undefined
  }
}

/** Name of the file beside the configuration. The copy that is kept needs no variable. */
const sessionSecret = 'session.secret'

// Editors find the schema from the copy too.
function quickstart(): string {
  const text = readFileSync(new URL('quickstart/gateway.yaml', examples), 'utf8')
  return text
    .replace('../../schema/', new URL('../schema/', examples).href)
    .replace('{env: SESSION_SECRET}', `{file: ${sessionSecret}}`)
}

/** Returns the environment variables that examples/quickstart/gateway.yaml uses. */
function variables({ gateway, admin }: Ports, mock: string): Record<string, string> {
  return {
    GATEHOUSE_ADDRESS: `127.0.0.1:${gateway}`,
    GATEHOUSE_ADMIN_ADDRESS: `127.0.0.1:${admin}`,
    MOCK_URL: mock,
  }
}
