import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  cpSync,
  globSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { until } from './fixtures/until.ts'

const root = join(import.meta.dirname, '..')
const gatehouse = join(root, 'bin/gatehouse')
const config = `version: 1
listen: {address: "127.0.0.1:0", drain: 250ms}
admin: {address: "127.0.0.1:0"}
proxies:
  main: {auth: none, upstream: {url: "http://127.0.0.1:1/mcp"}}
`

interface Started {
  readonly child: ChildProcess
  readonly log: () => string
  readonly exit: Promise<[number | null, string | null]>
}

/** Runs a command in a clone of the repository, and ends whatever it started. */
function start(t: Test, command: string, args: readonly string[], env: Record<string, string> = {}): Started {
  const child = spawn(command, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  t.teardown(() => {
    try {
      process.kill(-child.pid!, 'SIGKILL')
    } catch {
      // All have ended.
    }
  })
  let log = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (log += text))
  return { child, log: () => log, exit: once(child, 'close') as Started['exit'] }
}

/** Waits until the gateway listens. */
async function listening({ log }: Started): Promise<{ url: string; adminUrl: string }> {
  const line = await until(() => /^.*"event":"listening".*$/m.exec(log())?.[0], log())
  return JSON.parse(line) as { url: string; adminUrl: string }
}

/** Returns the lines of a page that run the gateway, each as the user types it or as a service starts it. */
function documented(page: string): string[] {
  const text = readFileSync(join(root, page), 'utf8')
  return [
    ...text.matchAll(
      /^ *(?:ExecStart=)?((?:\S*\/)?bin\/gatehouse run\b.*|npx .*\brun -c.*|node .*\brun -c.*)$/gm,
    ),
  ].map(([, line = '']) => line.replace(/\s+(?:#.*|&)$/, ''))
}

t.test('pages started the gateway in ways in which it loses signals', t => {
  const pages = globSync(['*.md', 'docs/*.md', 'examples/*/*.md'], { cwd: root })
  t.ok(pages.length > 20)
  for (const page of pages.filter(page => page !== 'CHANGELOG.md')) {
    const [line] =
      /^.*\bnpx (?:gatehouse|node)\b.*$|^.*(?:^|\s)node gateway\/main.*$/m.exec(
        readFileSync(join(root, page), 'utf8'),
      ) ?? []
    t.equal(line, undefined, page)
  }
  t.end()
})

t.test('SIGTERM to the documented line drains the gateway, and is exit 0', async t => {
  const file = join(t.testdir({ 'gateway.yaml': config }), 'gateway.yaml')
  const lines = [
    'docs/operating.md',
    'docs/deploying.md',
    'docs/getting-started.md',
    'examples/quickstart/README.md',
  ]
    .flatMap(documented)
    .map(line => line.replace('/opt/gatehouse/', '').replace(/ -c \S+/, ''))
  t.ok(lines.length >= 4, 'each page says how to start the gateway')
  t.same([...new Set(lines)], ['bin/gatehouse run'], 'and all say the same')
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const [program = '', ...args] = `${lines[0]} -c ${file}`.split(' ')
    const started = start(t, program, args)
    const { child, log, exit } = started
    await listening(started)
    child.kill(signal)
    t.same(await exit, [0, null], signal)
    t.match(log(), '"event":"stopped"')
  }
})

const namespace = ['--pid', '--fork', '--kill-child', '--mount-proc']
const noNamespace =
  spawnSync('unshare', [...namespace, 'true']).status !== 0 && 'PID namespaces are not permitted'
const noTerminal = spawnSync('script', ['--version']).status !== 0 && 'there is no `script`'

t.test('as PID 1, SIGTERM drains the gateway', { skip: noNamespace }, async t => {
  const file = join(t.testdir({ 'gateway.yaml': config }), 'gateway.yaml')
  const started = start(t, 'unshare', [...namespace, gatehouse, 'run', '-c', file])
  const { child, log, exit } = started
  await listening(started)
  const [pid = ''] = execFileSync('pgrep', ['-P', String(child.pid)], { encoding: 'utf8' }).split('\n')
  process.kill(Number(pid), 'SIGTERM')
  t.same(await exit, [0, null])
  t.match(log(), '"event":"stopped"')
})

t.test('a gateway outlives its terminal, and still stops at SIGTERM', { skip: noTerminal }, async t => {
  const folder = t.testdir({ 'gateway.yaml': config })
  const log = join(folder, 'log')
  const command = `echo $$ > ${folder}/pid; exec ${gatehouse} run -c ${folder}/gateway.yaml 2> ${log}`
  const { child, exit } = start(t, 'script', ['-qec', command, '/dev/null'])
  const logged = (event: string): Promise<true> =>
    until(
      () => readFileSync(log, { encoding: 'utf8', flag: 'a+' }).includes(`"${event}"`) || undefined,
      event,
    )
  await logged('listening')
  const pid = Number(readFileSync(join(folder, 'pid'), 'utf8'))
  t.teardown(() => {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It has ended.
    }
  })
  child.kill('SIGKILL')
  await exit
  await logged('config_unchanged')
  process.kill(pid, 'SIGTERM')
  await logged('stopped')
})

t.test('SIGTERM closed the listener before anyone could see that the gateway is not ready', async t => {
  const withGrace = (grace: string): string => config.replace('drain: 250ms', `drain: 250ms${grace}`)
  const file = join(t.testdir({ 'gateway.yaml': withGrace(', grace: 1m') }), 'gateway.yaml')
  const run = start(t, gatehouse, ['run', '-c', file])
  const { url, adminUrl } = await listening(run)
  run.child.kill('SIGTERM')
  const ready = async (): Promise<number> => (await fetch(`${adminUrl}/readyz`)).status
  await until(async () => (await ready()) === 503, 'it is not ready')
  const headers = { connection: 'close' }
  t.equal((await fetch(`${url}/main/mcp`, { headers })).status, 502, 'it serves as before')
  t.match(run.log(), '"event":"stopping","graceSeconds":60')
  await until(() => {
    run.child.kill('SIGTERM')
    return run.child.exitCode
  }, 'a second signal waits no longer')
  t.same(await run.exit, [143, null])

  for (const [grace, probes, seconds] of [
    [', grace: 100ms', false, '0.1'],
    ['', false, undefined],
    ['', true, '5'],
  ] as const) {
    writeFileSync(file, withGrace(grace))
    const next = start(t, gatehouse, ['run', '-c', file])
    const { adminUrl } = await listening(next)
    if (probes) await fetch(`${adminUrl}/readyz`)
    next.child.kill('SIGTERM')
    t.same(await next.exit, [0, null])
    const [, graceSeconds] = /"event":"stopping","graceSeconds":([\d.]+)/.exec(next.log()) ?? []
    t.equal(graceSeconds, seconds)
    t.match(next.log(), '"event":"draining"')
  }
})

/** Makes a clone with stubs for Node: each prints its version, or with a script what it was asked to run. */
function clone(
  t: Test,
  nodes: { pinned?: string; path?: string },
): { bin: string; env: Record<string, string> } {
  const folder = t.testdir({ path: {}, elsewhere: {} })
  mkdirSync(join(folder, 'bin'))
  mkdirSync(join(folder, 'node_modules/.bin'), { recursive: true })
  cpSync(gatehouse, join(folder, 'bin/gatehouse'))
  for (const [where, version] of Object.entries(nodes)) {
    const stub = join(folder, where === 'pinned' ? 'node_modules/.bin/node' : 'path/node')
    writeFileSync(stub, `#!/bin/sh\n[ "$1" = --version ] && echo ${version} || echo "${where} $@"\n`)
    chmodSync(stub, 0o755)
  }
  for (const tool of ['readlink', 'dirname', 'sh'])
    symlinkSync(
      execFileSync('sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' }).trim(),
      join(folder, 'path', tool),
    )
  symlinkSync('../bin/gatehouse', join(folder, 'elsewhere/gatehouse'))
  return { bin: join(folder, 'elsewhere/gatehouse'), env: { PATH: join(folder, 'path') } }
}

t.test('bin/gatehouse finds a Node that can run it, also through a symbolic link', t => {
  const run = (nodes: {
    pinned?: string
    path?: string
  }): { status: number | null; out: string; err: string } => {
    const { bin, env } = clone(t, nodes)
    const { status, stdout, stderr } = spawnSync(bin, ['run', 'a b'], { env, encoding: 'utf8' })
    return { status, out: stdout, err: stderr }
  }
  t.match(run({ pinned: 'v26.10.0', path: 'v20.20.2' }).out, /^pinned \/.*\/gateway\/main\.ts run a b\n$/)
  t.match(run({ path: 'v24.0.0' }).out, /^path /)
  const { bin, env } = clone(t, { path: 'v26.0.0' })
  rmSync(join(bin, '../../node_modules'), { recursive: true })
  const bare = spawnSync(bin, ['run'], { env, encoding: 'utf8' })
  t.match(bare, { status: 2, stdout: '', stderr: /^gatehouse: .*npm ci.*\n$/ }, 'without dependencies')
  t.match(run({ pinned: 'v20.0.0', path: 'v26.0.0' }).out, /^path /)
  for (const [nodes, found] of [
    [{ path: 'v20.20.2' }, 'v20.20.2'],
    [{ path: 'garbage' }, 'garbage'],
    [{}, 'no Node'],
  ] as const) {
    const { status, out, err } = run(nodes)
    t.match({ status, out }, { status: 2, out: '' })
    t.match(err, /^gatehouse: .*npm ci.*\n$/, 'one line')
    t.match(err, found)
  }
  t.end()
})
