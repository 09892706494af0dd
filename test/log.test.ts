import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { formatGithub, formatJson, formatText } from '../gateway/config/report/format.ts'
import { formatSarif } from '../gateway/config/report/sarif.ts'
import { errorMessage, Refusal } from '../gateway/mcp/errors.ts'
import { createLogOutput, type LogSink } from '../gateway/observe/log-output.ts'
import { createLog } from '../gateway/observe/log.ts'
import { printable, printableJson, printableLines } from '../gateway/lib/printable.ts'
import { loadText } from './fixtures/configuration.ts'
import { until } from './fixtures/until.ts'

const main = join(import.meta.dirname, '../gateway/main.ts')

interface Started {
  readonly child: ChildProcess
  readonly url: string
  readonly adminUrl: string
  readonly exit: Promise<unknown[]>
  /** Sends requests to an unknown path. Each is a line of the log. */
  ask(times: number): Promise<void>
  dropped(): Promise<number>
}

/** Runs a gateway with one worker, on known ports. */
async function start(t: Test, stderr: 'pipe' | number): Promise<Started> {
  const [port, adminPort] = [await freePort(), await freePort()]
  const folder = t.testdir({
    'gateway.yaml': `version: 1
workers: 1
listen: {address: "127.0.0.1:${port}", drain: 250ms, grace: 0s}
admin: {address: "127.0.0.1:${adminPort}"}
proxies: {main: {auth: none, upstream: {url: "http://127.0.0.1:1/mcp"}}}
`,
  })
  const child = spawn(process.execPath, [main, 'run', '--no-watch'], {
    cwd: folder,
    stdio: ['ignore', 'ignore', stderr],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const exit = once(child, 'exit')
  const agent = new Agent({ keepAlive: true, maxSockets: 20 })
  t.teardown(() => agent.destroy())
  const [url, adminUrl] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${adminPort}`]
  const one = async (): Promise<void> => {
    const sent = request(`${url}/nowhere`, { agent, method: 'GET' }).end()
    const [response] = (await once(sent, 'response')) as [NodeJS.ReadableStream]
    response.resume()
    await once(response, 'end')
  }
  const isReady = (): Promise<boolean> =>
    fetch(`${adminUrl}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    )
  await until(isReady, 'it serves', 60_000)
  return {
    child,
    url,
    adminUrl,
    exit,
    async ask(times) {
      let left = times
      const lane = async (): Promise<void> => {
        while (left-- > 0) await one()
      }
      await Promise.all(Array.from({ length: 20 }, lane))
    },
    async dropped() {
      const text = await (await fetch(`${adminUrl}/metrics`)).text()
      return Number(/^gatehouse_log_lines_dropped_total (\d+)$/m.exec(text)?.[1])
    },
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}

t.test('the gateway ended when the reader of its log went away', async t => {
  const gateway = await start(t, 'pipe')
  gateway.child.stderr!.destroy()
  for (let round = 0; round < 5; round++) await gateway.ask(20)
  await until(async () => (await gateway.dropped()) >= 90, 'lines are counted')
  t.equal((await fetch(`${gateway.adminUrl}/livez`)).status, 200)
  gateway.child.kill('SIGTERM')
  t.same(await gateway.exit, [0, null])
})

t.test('a log that nobody read grew in memory, and blocked the shutdown', async t => {
  const gateway = await start(t, 'pipe')
  const asked = 8000
  await gateway.ask(asked)
  const dropped = await gateway.dropped()
  t.ok(dropped > 0 && dropped < asked, `${dropped} lines were dropped`)
  let text = ''
  gateway.child.stderr!.setEncoding('utf8').on('data', (piece: string) => (text += piece))
  const line = await until(
    () => /^.*"event":"log_lines_dropped".*$/m.exec(text)?.[0],
    'the dropped lines are reported',
  )
  t.match(JSON.parse(line), { level: 'warn', lines: dropped })
  const lines = (): number => text.split('\n').filter(line => line.includes('"event":"request"')).length
  await until(() => lines() === asked - dropped, 'all other lines are there')
  for (const line of text.trimEnd().split('\n')) JSON.parse(line)
  gateway.child.stderr!.removeAllListeners('data').pause()
  await gateway.ask(asked)
  gateway.child.kill('SIGTERM')
  t.same(await gateway.exit, [0, null])
})

t.test('the gateway ended when the disk was full', async t => {
  const full = openSync('/dev/full', 'w')
  const gateway = await start(t, full)
  closeSync(full)
  await gateway.ask(100)
  await until(async () => (await gateway.dropped()) >= 100, 'lines are counted')
  gateway.child.kill('SIGTERM')
  t.same(await gateway.exit, [0, null])
})

t.test('a command succeeded although its output could not be written', async t => {
  const full = openSync('/dev/full', 'w')
  const child = spawn(process.execPath, [main, 'schema'], { stdio: ['ignore', full, 'pipe'] })
  closeSync(full)
  let stderr = ''
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  t.same(await once(child, 'close'), [2, null])
  t.equal(stderr, '')
})

t.test('log lines that cannot be written are bounded, counted and reported', async t => {
  const written: string[] = []
  let answer: ((error: Error | null) => void) | undefined
  const sink: LogSink = (bytes, done) => {
    written.push(bytes.toString())
    answer = done
  }
  const output = createLogOutput(sink)
  const line = `${'x'.repeat(99)}\n`
  for (let index = 0; index < 1_000_000; index++) output.write(line)
  t.equal(written.length, 1, 'one write at a time')
  const held = Math.floor((1024 * 1024) / line.length)
  t.equal(output.droppedLines(), 1_000_000 - 1 - held)
  t.equal(await output.finish(10), false)
  answer!(null)
  t.match(written[1]!.slice(0, 200), /^\{[^\n]*"event":"log_lines_dropped","lines":989514\}\nx/)
  t.equal(written[1]!.split(line).length - 1, held)
  answer!(new Error('no space'))
  t.equal(output.droppedLines(), 1_000_000 - 1 + 1)
  t.equal(await output.finish(10), true)
  output.write(line)
  answer!(null)
  t.match(written[3], /"lines":10486\}/)
  const finished = output.finish(10_000)
  answer!(null)
  t.equal(await finished, true)
})

const harmful = [
  ...Array.from({ length: 0x20 }, (_, code) => String.fromCharCode(code)).filter(one => one !== '\t'),
  ...Array.from({ length: 0x21 }, (_, code) => String.fromCharCode(0x7f + code)),
  ...'\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff',
  '\ud800',
  '\udc00',
  '\u{e0041}',
]

/** Returns the harmful characters in a text, except line feeds. */
function left(text: string): string[] {
  const alone = text.replaceAll(/[\ud800-\udbff][\udc00-\udfff]/g, pair => (pair === '\u{e0041}' ? pair : ''))
  return harmful.filter(one => one !== '\n' && alone.includes(one)).map(one => JSON.stringify(one))
}

t.test('outside text controlled the terminal of the reader', async t => {
  const text = `ok ü 日本 😀 ${harmful.join('-')}\n::error::x`
  t.same(left(printable(text)), [])
  t.match(printable(text), /^ok ü 日本 😀 \\u0000-/)
  t.notMatch(printable(text), '\n')
  t.equal(printable('plain\ttext'), 'plain\ttext')
  t.equal(printableLines('a\n\u001b[31mred\u001b[0m\u001b[2J\n'), 'a\n\u001b[31mred\u001b[0m\\u001b[2J\n')
  t.same(left(printableLines(text.replaceAll('\u001b', ''))), [])
  const json = JSON.stringify({ text }, null, 2)
  t.same(left(printableJson(json)), [])
  t.strictSame(JSON.parse(printableJson(json)), JSON.parse(json))

  let logged = ''
  const log = createLog(lines => (logged += lines))
  log.info('request', { name: text, listed: [text] })
  log.flush()
  t.same(left(logged), [])
  t.equal(logged.split('\n').length, 2)
  t.equal(
    (JSON.parse(logged) as { name: string }).name,
    text.toWellFormed() === text ? text : JSON.parse(JSON.stringify(text)),
  )

  const refusal = new Refusal('name_unknown', { values: { kind: 'tool', name: text } })
  const error = errorMessage(refusal, '1', { requestId: 'x' })
  t.same(left(error), [])
  t.equal((JSON.parse(error) as { error: { message: string } }).error.message, `Unknown tool: ${text}`)
})

t.test('the content of a file controlled the terminal or the annotations of whoever checked it', async t => {
  const bad = '\\u007f\\u0085\\u009b31m\u061c\u202e\u2066\\u2028\u200f'
  const result = loadText(
    `version: 1\n"x${bad}::error::y": 1\nproxies: {m: {auth: ["a${bad}"], upstream: {url: "h${bad}\\u001b[2J\\n::error file=a::b"}}}\n`,
  )
  t.ok(result.diagnostics.length >= 3)
  const shown = '\u007f\u009b\u202e\u001b[2J'
  const diagnostics = result.diagnostics.map(one =>
    Object.assign({}, one, { file: `${one.file}${shown}\n::x::` }),
  )
  const named = { ...result, diagnostics }
  for (const color of [true, false]) {
    const told = formatText(named, { cwd: '/config', color })
    t.same(left(stripped(told)), [])
    t.notMatch(told, /^::/m)
  }
  for (const told of [
    formatJson(named, { cwd: '/' }),
    formatSarif(named, { cwd: '/' }),
    formatGithub(named, { cwd: '/' }),
  ])
    t.same(left(told), [])
  const annotations = formatGithub(named, { cwd: '/' }).trimEnd().split('\n')
  t.equal(annotations.length, named.diagnostics.length)
  for (const line of annotations) t.match(line, /^::error file=[^:]*::[^:]/)
})

/** Removes the sequences that set colors. */
function stripped(text: string): string {
  // oxlint-disable-next-line no-control-regex -- the sequences that set colors
  return text.replaceAll(/\u001b\[\d+m/g, '')
}
