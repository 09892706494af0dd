import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startGateway } from '../conformance/gateway.ts'
import { kinds, type Connected, type Kind } from './kinds.ts'
import { hiddenTool, startUpstream } from './upstream.ts'

type Outcome = { passed: number; failed: number }

/** A step may take this long, except the slow call. Longer is a hang. */
const stepTimeoutMs = 60_000

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '80' },
    client: { type: 'string', default: '' },
    gateway: { type: 'string', default: join(import.meta.dirname, '../../gateway/main.ts') },
  },
})
const slowMs = Number(options.seconds) * 1000

install()
const directory = await mkdtemp(join(tmpdir(), 'gatehouse-clients-'))
const key = randomBytes(32).toString('base64url')
const upstream = await startUpstream(slowMs)
const log: { method?: string; status?: number; reason?: string }[] = []
const gateway = await startGateway(
  options.gateway,
  { url: upstream.url },
  key,
  directory,
  line => log.push(line.startsWith('{') ? (JSON.parse(line) as object) : {}),
  { tools: { deny: [hiddenTool] } },
)
const total: Outcome = { passed: 0, failed: 0 }
try {
  const tried = kinds.filter(({ name }) => name.includes(options.client))
  const reports = await Promise.all(tried.map(tryClient))
  for (const { lines, passed, failed } of reports) {
    for (const line of lines) console.log(line)
    total.passed += passed
    total.failed += failed
  }
  const opened = log.filter(({ method, status }) => method === 'initialize' && status === 200).length
  const expected = tried.reduce((sum, { sessions }) => sum + sessions, 0)
  const lost = log.some(({ reason }) => reason === 'session_unknown')
  check(`no session was lost: ${opened} opened, ${expected} expected`, opened === expected && !lost)
} finally {
  await gateway.stop()
  await upstream.close()
  await rm(directory, { recursive: true })
}
console.log(`${total.passed} passed, ${total.failed} failed`)
process.exit(total.failed === 0 && total.passed > 0 ? 0 : 1)

/** Installs the clients. They have their own package.json, so that the project's stays small. */
function install(): void {
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  execFileSync('npm', args, { cwd: import.meta.dirname, stdio: ['ignore', 2, 2] })
}

function check(what: string, ok: boolean): void {
  console.log(`${ok ? 'ok' : 'not ok'} ${what}`)
  if (ok) total.passed++
  else total.failed++
}

/** Goes through all steps with one client. Each line shows what its user reads. */
async function tryClient({ name, wrongKey, connect }: Kind): Promise<Outcome & { lines: string[] }> {
  const lines: string[] = []
  const outcome = { passed: 0, failed: 0, lines }
  const step = async (what: string, run: () => Promise<string>, limitMs = stepTimeoutMs): Promise<void> => {
    try {
      const said = await within(run(), limitMs)
      lines.push(`ok ${name}: ${what}${said === '' ? '' : `: ${firstLines(said)}`}`)
      outcome.passed++
    } catch (error) {
      lines.push(`not ok ${name}: ${what}: ${firstLines(String(error))}`)
      outcome.failed++
    }
  }
  const works = async (client: Connected): Promise<void> => {
    const text = await client.callTool('get_note')
    if (!text.includes('get_note has run')) throw new Error(`the next call got ${text}`)
  }

  let client: Connected | undefined
  await step('connects', async () => {
    client = await connect(gateway.url, key)
    return ''
  })
  if (client !== undefined) {
    const connected = client
    await step('does not list a hidden tool', async () => {
      const names = (await connected.listTools()).toSorted().join(' ')
      if (names !== 'get_broken get_cut get_note get_slow') throw new Error(names)
      return ''
    })
    await step('a refused call fails, and the next one works', async () => {
      const message = await refusal(connected.callTool(hiddenTool), /Unknown tool: delete_note/)
      await works(connected)
      return message
    })
    for (const [what, tool] of [
      ['a 502 of the upstream', 'get_broken'],
      ['a 502 of the gateway', 'get_cut'],
    ] as const) {
      await step(`${what} fails one call, and the next one works`, async () => {
        const message = await refusal(connected.callTool(tool), /upstream|Bad Gateway/i)
        await works(connected)
        return message
      })
    }
    const slow = async (): Promise<string> => {
      const text = await connected.callTool('get_slow')
      if (!text.includes('get_slow has run')) throw new Error(text)
      await works(connected)
      return ''
    }
    await step(`a call of ${options.seconds} s gets its result`, slow, slowMs + stepTimeoutMs)
    await step('closes', async () => {
      await connected.close()
      return ''
    })
  }
  await step('a wrong key is refused, and the message says so', () =>
    refusal(connect(gateway.url, `${key}x`), wrongKey),
  )
  return outcome
}

/** Returns the message of a rejection. Throws if there is none, or if it does not match. */
async function refusal(promise: Promise<unknown>, expected: RegExp): Promise<string> {
  const message = await promise.then(
    value => Promise.reject(new Error(`not refused: ${String(value)}`)),
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  )
  if (!expected.test(message)) throw new Error(message)
  return message
}

async function within<T>(promise: Promise<T>, limitMs: number): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`hangs: nothing for ${limitMs} ms`)), limitMs)
  try {
    return await Promise.race([promise, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

function firstLines(text: string): string {
  return text.trim().split('\n').slice(0, 12).join('\n  ').slice(0, 1500)
}
