import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { stringify } from 'yaml'

export type RunningGateway = { url: string; stop(): Promise<void> }

/**
 * Starts a gateway in front of `upstream`, with one key that may do everything.
 *
 * @param program the gateway's `main.ts`
 * @param upstream value of the field `upstream`
 * @param directory an existing folder for its gateway.yaml
 * @param onLine called with each line of its log
 * @param ceiling access rules of the proxy
 * @returns the proxied endpoint, and a function that ends the gateway
 * @throws when the gateway ends, or does not listen within 20 s
 */
export async function startGateway(
  program: string,
  upstream: object,
  key: string,
  directory: string,
  onLine: (line: string) => void = () => {},
  ceiling: object = {},
): Promise<RunningGateway> {
  const file = join(directory, 'gateway.yaml')
  await writeFile(file, stringify(configuration({ upstream, ...ceiling }, key)))
  const child = spawn(process.execPath, [program, 'run', '-c', file], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })

  process.once('exit', () => child.kill('SIGKILL'))

  async function stop(): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return
    const closed = once(child, 'close')
    child.kill('SIGTERM')
    const deadline = setTimeout(() => child.kill('SIGKILL'), 10_000)
    await closed
    clearTimeout(deadline)
  }

  const log: string[] = []
  const listening = Promise.withResolvers<string>()
  const deadline = setTimeout(() => child.kill('SIGKILL'), 20_000)
  createInterface(child.stderr)
    .on('line', line => {
      onLine(line)
      log.push(line)
      const url = listeningUrl(line)
      if (url !== undefined) listening.resolve(url)
    })
    .once('close', () => {
      listening.reject(new Error(`the gateway ended before it listened:\n${log.join('\n')}`))
    })
  try {
    return { url: `${await listening.promise}/mcp`, stop }
  } finally {
    clearTimeout(deadline)
  }
}

function configuration(proxy: object, key: string): object {
  const everything = { allow: ['*'] }
  const access = { fixture: { tools: everything, prompts: everything, resources: everything } }
  const hash = `sha256:${createHash('sha256').update(key).digest('hex')}`
  return {
    version: 1,
    listen: { address: '127.0.0.1:0' },
    admin: { address: '127.0.0.1:0' },
    auth: { keys: { type: 'api-key' } },
    roles: { all: { access } },
    keys: { conformance: { roles: ['all'], secrets: [{ hash }] } },
    proxies: { fixture: { path: '/mcp', auth: ['keys'], ...proxy } },
  }
}

function listeningUrl(line: string): string | undefined {
  if (!line.startsWith('{')) return undefined
  const entry = JSON.parse(line) as { event?: string; url?: string }
  return entry.event === 'listening' ? entry.url : undefined
}
