import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Group } from '../gateway/commands/cli/command.ts'
import { dispatch } from '../gateway/commands/cli/dispatch.ts'
import { program } from '../gateway/commands/registry.ts'
import { runCommand } from './fixtures/command.ts'
import { until } from './fixtures/until.ts'

const config = (more = '', address = '127.0.0.1:0'): string => `version: 1
listen: {address: "${address}", drain: 250ms, grace: 0s}
admin: {address: "127.0.0.1:0"}
proxies:
  main: {auth: none, upstream: {url: "http://127.0.0.1:1/mcp"}}
${more}`

interface Run {
  readonly child: ChildProcess
  readonly stdout: () => string
  readonly stderr: () => string
  readonly exit: Promise<[number | null, string | null]>
  /** Returns the fields of the first log line of an event. */
  logged(event: string): Promise<Record<string, string>>
}

/** Runs the program as a user does. */
function gatehouse(
  t: Test,
  args: string[],
  options: { cwd?: string; stdin?: string; env?: Record<string, string> } = {},
): Run {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../gateway/main.ts'), ...args], {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
  })
  t.teardown(() => child.kill('SIGKILL'))
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  child.stdin.end(options.stdin ?? '')
  return {
    child,
    stdout: () => stdout,
    stderr: () => stderr,
    exit: once(child, 'close') as Promise<[number | null, string | null]>,
    async logged(event) {
      const line = await until(
        () => stderr.split('\n').find(text => text.includes(`"event":"${event}"`)),
        `${event} is logged: ${stderr}`,
      )
      return JSON.parse(line) as Record<string, string>
    },
  }
}

t.test('run serves, reloads on SIGHUP and stops on SIGTERM', async t => {
  const folder = t.testdir({ 'gateway.yaml': config() })
  const run = gatehouse(t, ['run', '--no-watch'], { cwd: folder })
  const { url, adminUrl, revision } = await run.logged('listening')
  t.equal((await fetch(`${adminUrl}/readyz`)).status, 200)
  t.equal((await fetch(`${url}/other/mcp`)).status, 404)

  writeFileSync(
    join(folder, 'gateway.yaml'),
    config('  other: {auth: none, upstream: {url: "http://127.0.0.1:1/mcp"}}\n'),
  )
  run.child.kill('SIGHUP')
  t.equal((await run.logged('config_applied'))['previous'], revision)
  t.equal((await fetch(`${url}/other/mcp`)).status, 502)
  run.child.kill('SIGHUP')
  await run.logged('config_unchanged')

  run.child.kill('SIGTERM')
  t.same(await run.exit, [0, null])
  await run.logged('stopped')
  t.equal(run.stdout(), '', 'stdout is for results, and run has none')
})

t.test('without --no-watch a saved file is applied', async t => {
  const folder = t.testdir({ 'gateway.yaml': config() })
  const run = gatehouse(t, ['run', '-c', join(folder, 'gateway.yaml')])
  await run.logged('listening')
  writeFileSync(
    join(folder, 'gateway.yaml'),
    config('  other: {auth: none, upstream: {url: "http://127.0.0.1:1/mcp"}}\n'),
  )
  await run.logged('config_applied')
  run.child.kill('SIGINT')
  t.same(await run.exit, [0, null])
})

t.test('a second signal ends the process at once, unless it is the echo of the first', async t => {
  const folder = t.testdir({ 'gateway.yaml': config().replace('250ms', '1h') })
  const upstream = createServer(() => {}).listen(0, '127.0.0.1')
  await once(upstream, 'listening')
  t.teardown(() => upstream.close())
  writeFileSync(
    join(folder, 'gateway.yaml'),
    config()
      .replace('250ms', '1h')
      .replace(':1/', `:${(upstream.address() as AddressInfo).port}/`),
  )
  const run = gatehouse(t, ['run'], { cwd: folder })
  const { url } = await run.logged('listening')
  const arrived = once(upstream, 'connection')
  const hanging = fetch(`${url}/main/mcp`, { headers: { accept: 'text/event-stream' } }).catch(() => {})
  await arrived
  run.child.kill('SIGTERM')
  run.child.kill('SIGINT')
  await run.logged('draining')
  run.child.kill('SIGHUP')
  await run.logged('config_unchanged')
  await until(() => {
    run.child.kill('SIGTERM')
    return run.child.exitCode
  }, 'a later signal is not an echo')
  t.same(await run.exit, [143, null])
  await hanging
})

t.test('a configuration with errors is exit 1, with every error and its place', async t => {
  const folder = t.testdir({ 'gateway.yaml': config('rolls: {}\n').replace('auth: none', 'auth: [keys]') })
  const run = gatehouse(t, ['run'], { cwd: folder })
  t.same(await run.exit, [1, null])
  t.match(run.stderr(), /gateway\.yaml:5:17.*GH1303/)
  t.match(run.stderr(), /gateway\.yaml:6:1.*GH1201/)
})

t.test('a configuration that cannot be read is exit 2', async t => {
  const run = gatehouse(t, ['run', '-c', 'nowhere.yaml'], { cwd: t.testdir({}) })
  t.same(await run.exit, [2, null])
  t.match(run.stderr(), 'GH1001')
  const fragment = t.testdir({ 'gateway.yaml': `${config()}include: [nowhere.yaml]\n` })
  t.same(await gatehouse(t, ['run'], { cwd: fragment }).exit, [1, null], 'an unreadable fragment is exit 1')
})

t.test("SIGUSR1 opened Node's inspector, through which anybody on the machine can read keys", async t => {
  const folder = t.testdir({ 'gateway.yaml': config() })
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  const run = gatehouse(t, ['run', '--no-watch'], {
    cwd: folder,
    env: { NODE_OPTIONS: `${process.env['NODE_OPTIONS'] ?? ''} --inspect-port=127.0.0.1:${port}` },
  })
  const { adminUrl } = await run.logged('listening')
  for (let index = 0; index < 3; index++) run.child.kill('SIGUSR1')
  t.match(await run.logged('signal_ignored'), { level: 'warn', signal: 'SIGUSR1' })
  t.equal((await fetch(`${adminUrl}/livez`)).status, 200)
  await t.rejects(fetch(`http://127.0.0.1:${port}/json/list`), 'the inspector does not listen')
  t.notMatch(run.stderr(), 'Debugger')
  run.child.kill('SIGTERM')
  t.same(await run.exit, [0, null])
})

t.test('on a reload, a variable that is not set led nowhere: a running process gets no new ones', async t => {
  const folder = t.testdir({ 'gateway.yaml': config() })
  const run = gatehouse(t, ['run', '--no-watch'], { cwd: folder })
  await run.logged('listening')
  const upstream = (more: string): string =>
    `{auth: none, upstream: {url: "http://127.0.0.1:1/mcp", ${more}}}`
  writeFileSync(
    join(folder, 'gateway.yaml'),
    config(
      `  a: ${upstream('headers: {X-A: {env: NEW_SECRET}}')}\n  b: ${upstream('timeout: {connect: "${NEW_VARIABLE}"}')}\n`,
    ),
  )
  run.child.kill('SIGHUP')
  const { diagnostics } = (await run.logged('config_refused')) as unknown as {
    diagnostics: { code: string; help: string }[]
  }
  t.match(
    diagnostics.toSorted((a, b) => (a.code < b.code ? -1 : 1)),
    [
      { code: 'GH1101', help: /restart/ },
      { code: 'GH1103', help: /restart.*file/ },
    ],
  )
  run.child.kill('SIGTERM')
  t.same(await run.exit, [0, null])
  const validate = gatehouse(t, ['validate'], { cwd: folder })
  t.same(await validate.exit, [1, null])
  t.notMatch(validate.stderr(), 'restart')
})

t.test('an inspector that SIGUSR1 opened before the program began is closed', async t => {
  const folder = t.testdir({
    'gateway.yaml': config(),
    'early.mjs':
      'import inspector from "node:inspector"; inspector.open(0); console.error("early:", inspector.url())',
  })
  const run = gatehouse(t, ['run', '--no-watch'], {
    cwd: folder,
    env: { NODE_OPTIONS: `${process.env['NODE_OPTIONS'] ?? ''} --import=./early.mjs` },
  })
  await run.logged('listening')
  const opened = /early: ws:\/\/(\S+?)\//.exec(run.stderr())?.[1]
  t.match(opened, /^127\.0\.0\.1:\d+$/)
  await t.rejects(fetch(`http://${opened}/json/list`))
})

t.test('a pipe without a writer blocked its reader for ever, even after SIGTERM', async t => {
  const folder = t.testdir({})
  execFileSync('mkfifo', [join(folder, 'pipe')])
  const upstream = '{auth: none, upstream: {url: "http://127.0.0.1:1/mcp", headers: {X-A: {file: pipe}}}}'
  writeFileSync(join(folder, 'gateway.yaml'), config())
  const run = gatehouse(t, ['run'], { cwd: folder })
  await run.logged('listening')
  writeFileSync(join(folder, 'gateway.yaml'), config(`  piped: ${upstream}\n`))
  t.match(await run.logged('config_refused'), { diagnostics: [{ code: 'GH1104' }] })
  run.child.kill('SIGTERM')
  t.same(await run.exit, [0, null])

  const validate = gatehouse(t, ['validate', '-c', 'pipe'], { cwd: folder })
  const writer = spawn('sh', ['-c', 'exec > pipe; sleep 0.2; cat gateway.yaml'], {
    cwd: folder,
    stdio: 'ignore',
  })
  t.teardown(() => writer.kill())
  t.same(await validate.exit, [1, null])
  t.match(validate.stderr(), 'GH1104', 'late content is read too')
})

t.test('an address in use is exit 2, and the message names its field', async t => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const taken = config('', address)
  const other = config().replace(/(?<=admin: .*)127\.0\.0\.1:0/, address)
  for (const [text, field] of [
    [taken, 'listen.address'],
    [`${taken}workers: 2\n`, 'listen.address'],
    [other, 'admin.address'],
  ] as const) {
    const run = gatehouse(t, ['run'], { cwd: t.testdir({ 'gateway.yaml': text }) })
    t.same(await run.exit, [2, null])
    t.match(
      run.stderr(),
      new RegExp(`^gatehouse: cannot listen: \`${field}\` is ${address}: .*EADDRINUSE.*\\n$`, 'm'),
    )
  }
})

t.test('run takes a file as validate does, and its log says where each proxy is', async t => {
  const folder = t.testdir({
    'other.yaml': config('  tickets: {path: /t, auth: none, upstream: {url: "http://127.0.0.1:1/mcp"}}\n'),
  })
  const run = gatehouse(t, ['run', 'other.yaml'], { cwd: folder })
  const { url } = await run.logged('listening')
  await until(() => run.stderr().split('"event":"endpoint"').length === 3, 'both are logged')
  const endpoints = run
    .stderr()
    .split('\n')
    .filter(line => line.includes('"endpoint"'))
    .map(line => JSON.parse(line) as Record<string, string>)
  t.match(endpoints, [
    { proxy: 'main', url: `${url}/main/mcp` },
    { proxy: 'tickets', url: `${url}/t` },
  ])
  for (const { url: endpoint } of endpoints) t.equal((await fetch(endpoint!)).status, 502)
  run.child.kill('SIGTERM')
  t.same(await run.exit, [0, null])
})

t.test('--version prints the version of the package', async t => {
  const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8')) as {
    version: string
  }
  for (const argument of ['--version', '-V', 'version'])
    t.same(await dispatched(argument), { code: 0, stdout: `gatehouse ${version}\n`, stderr: '' })
})

/** Runs a command in this process. */
const dispatched = (...args: string[]) =>
  runCommand((given, io) => dispatch(program, given, io), args, { cwd: '/' })

const invalid: [args: string, names: string, help: string][] = [
  ['walk', 'walk', 'gatehouse --help'],
  ['vaildate', 'did you mean `validate`', 'gatehouse --help'],
  ['run --fast', '--fast', 'gatehouse run --help'],
  ['run a b', '`b`', 'gatehouse run --help'],
  ['run a -c b', 'given twice', 'gatehouse run --help'],
  ['run --config', '--config', 'gatehouse run --help'],
  ['run -c -x', '-c', 'gatehouse run --help'],
  ['run --watch=yes', '--watch', 'gatehouse run --help'],
  ['validate --fromat json', 'did you mean `--format`', 'gatehouse validate --help'],
  ['validate --format xml', 'text, json, github or sarif', 'gatehouse validate --help'],
  ['lint a b', '`b`', 'gatehouse lint --help'],
  ['keys lose', 'keys lose', 'gatehouse keys --help'],
  ['keys new a b', '`b`', 'gatehouse keys new --help'],
]

t.test('invalid usage is exit 2, with one line for the error and one for the help', async t => {
  for (const [args, names, help] of invalid) {
    const { code, stdout, stderr } = await dispatched(...args.split(' '))
    t.strictSame([code, stdout], [2, ''], args)
    const [first = '', ...others] = stderr.split('\n')
    t.match(first, /^gatehouse: \S/, args)
    t.ok(first.includes(names), first)
    t.strictSame(others, [`Run \`${help}\` for usage.`, ''], args)
  }
  t.match(await dispatched(), { code: 2, stdout: '', stderr: /^Gatehouse .*\n\nUsage: gatehouse </ })
  t.match(await dispatched('keys'), { code: 2, stdout: '', stderr: /^Usage: gatehouse keys </ })
  const run = gatehouse(t, ['walk'])
  t.same(await run.exit, [2, null])
})

t.test('every command is listed, and has a help text that fits a terminal', async t => {
  const walk = async (group: Group): Promise<void> => {
    const path = group.name === '' ? [] : [group.name]
    const { code, stdout } = await dispatched(...path, '--help')
    t.equal(code, 0)
    for (const { name, summary, load } of group.commands) {
      t.match(stdout, `  ${name} `)
      t.match(summary, /^[A-Z].*[^.]$/, name)
      const { help } = await load()
      t.equal(help.name, [...path, name].join(' '))
      if ('commands' in help) await walk(help)
      else {
        const shown = await dispatched(...path, name, '--help')
        t.match(shown, { code: 0, stdout: `Usage: gatehouse ${help.name}`, stderr: '' })
        t.strictSame(await dispatched(...path, name, '-h'), shown)
        for (const option of Object.keys(help.options)) t.match(shown.stdout, option)
        t.strictSame(
          shown.stdout.split('\n').filter(line => line.length > 80),
          [],
        )
      }
    }
  }
  await walk(program)
  const run = gatehouse(t, ['--help'])
  t.same(await run.exit, [0, null])
  t.equal(run.stdout(), (await dispatched('--help')).stdout)
})
