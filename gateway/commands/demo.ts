import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Gateway } from '../runtime/gateway.ts'
import { parseCommandLine, usageError, type Io } from './io.ts'
import { addKey } from './keys/new.ts'
import { start } from './run.ts'

export const usage = `gatehouse demo [--format text|json] [--ephemeral]

Starts a mock MCP server and a gateway before it, with a fresh key, on a copy of
examples/quickstart/gateway.yaml in a temporary folder; and says how to call it.
Ctrl-C stops both and removes the folder.

  --format FORMAT        text, or json for one line with url, key, admin, config
                         (default: text)
  --ephemeral            take free ports rather than 8080, 9090 and 7878
`

const quickstart = new URL('../../examples/quickstart/gateway.yaml', import.meta.url)
const schema = new URL('../../schema/gateway.schema.json', import.meta.url)
const ports = { gateway: 8080, admin: 9090, mock: 7878 }

/** What runs, and how to reach it. */
export interface Demo {
  /** The MCP endpoint. */
  readonly url: string
  readonly key: string
  /** Base URL of the admin listener. */
  readonly admin: string
  /** Path of the configuration. */
  readonly config: string
  /** The mock server's own endpoint. */
  readonly mock: string
}

/** Runs the quickstart until a signal comes. Returns 0 then; 1 or 2 where it cannot start. */
export async function demo(args: string[], io: Io): Promise<number> {
  const options = { format: { type: 'string', default: 'text' }, ephemeral: { type: 'boolean', default: false } } as const
  const parsed = parseCommandLine(args, options, usage, io)
  if (!parsed.ok) return parsed.exitCode
  const { format, ephemeral } = parsed.values
  if (format !== 'text' && format !== 'json') {
    return usageError(`'${format}' is no format; there are text, json`, usage, io).exitCode
  }
  await using stack = new AsyncDisposableStack()
  const stopped = stopSignal(stack)
  const folder = privateFolder(stack)
  const mock = await startMock(ephemeral, stack, io)
  if (mock === undefined) return 2
  const config = join(folder, 'gateway.yaml')
  writeFileSync(config, configText())
  let key = ''
  await addKey(config, { name: 'demo', roles: ['operator'] }, io, true, ({ secret }) => (key = secret))
  const gateway = await startGateway(config, mock, ephemeral, io)
  if (typeof gateway === 'number') return gateway
  stack.defer(() => gateway.close())
  await Promise.race([Promise.all([answering(`${gateway.adminUrl}/readyz`), answering(new URL('/health', mock))]), stopped])
  const running: Demo = { url: `${gateway.url}/mock/mcp`, key, admin: gateway.adminUrl, config, mock }
  io.stdout(format === 'json' ? jsonLine(running) : welcome(running))
  await stopped
  return 0
}
