import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { load } from '../gateway/config/load.ts'
import { connect } from './fixtures/clients.ts'
import { until } from './fixtures/until.ts'

const repository = join(import.meta.dirname, '..')
const main = join(repository, 'gateway/main.ts')
const quickstart = join(repository, 'examples/quickstart/gateway.yaml')

interface Demo {
  readonly child: ChildProcess
  readonly stdout: () => string
  readonly stderr: () => string
  readonly exit: Promise<[number | null, string | null]>
  /** Folder for its temporary folder. */
  readonly temporary: string
}

function startDemo(t: Test, args: string[], nodeOptions: string[] = []): Demo {
  const temporary = t.testdir({})
  const child = spawn(process.execPath, [...nodeOptions, main, 'demo', ...args], {
    env: { ...process.env, TMPDIR: temporary },
  })
  t.teardown(() => child.kill('SIGKILL'))
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const exit = once(child, 'close') as Demo['exit']
  return { child, stdout: () => stdout, stderr: () => stderr, exit, temporary }
}

interface Facts {
  url: string
  key: string
  admin: string
  config: string
  log: string
}

async function facts(demo: Demo): Promise<Facts> {
  return JSON.parse(
    await until(() => (demo.stdout().endsWith('\n') ? demo.stdout() : undefined), 'the demo runs'),
  ) as Facts
}

function ping(url: string, key: string): Promise<Response> {
  const headers = {
    authorization: `Bearer ${key}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
  }
  return fetch(url, { method: 'POST', headers, body: '{"jsonrpc":"2.0","id":1,"method":"ping"}' })
}

t.test('demo runs a mock server and a gateway, and applies saved changes', async t => {
  const demo = startDemo(t, ['--format', 'json', '--ephemeral'])
  const { url, key, admin, config, log } = await facts(demo)
  t.same(Object.keys(JSON.parse(demo.stdout()) as object), ['url', 'key', 'admin', 'config', 'log'])
  t.equal(demo.stdout().split('\n').length, 2, 'one line')
  t.equal(dirname(dirname(config)), demo.temporary)
  t.equal(statSync(dirname(config)).mode & 0o777, 0o700)
  t.equal((await fetch(`${admin}/livez`)).status, 200)
  t.same(load(config, { env: {}, now: new Date(), review: 'validate' }).diagnostics, [])

  const headers = { authorization: `Bearer ${key}` }
  for (const era of ['v1', 'modern'] as const) {
    const connection = await connect(url, { era, headers })
    t.equal((await connection.listTools()).length, 15, era)
    t.notOk((await connection.callTool('get_users')).isError, era)
    await connection.close()
  }
  t.equal((await ping(url, `${key}x`)).status, 401)
  t.equal((await ping(url, '')).status, 401)

  writeFileSync(config, readFileSync(config, 'utf8').replace('[operator]', '[reader]'))
  const reader = async () => {
    const connection = await connect(url, { era: 'modern', headers })
    const tools = (await connection.listTools()).map(({ name }) => name)
    await connection.close()
    return tools.length < 15 ? tools : undefined
  }
  const names = await until(reader, 'the list has fewer tools')
  t.same(names.toSorted(), ['get_analytics', 'get_anything', 'get_posts', 'get_products', 'get_users'])

  await promisify(execFile)(process.execPath, [main, 'keys', 'revoke', 'demo', '-c', config])
  await until(async () => (await ping(url, key)).status === 401, 'the key is refused')
  const logged = readFileSync(log, 'utf8')
  t.match(logged, /"event":"listening"/)
  t.notMatch(logged + demo.stderr() + readFileSync(config, 'utf8'), key.slice(5, 48), 'the key is shown once')
  t.equal(demo.stderr(), '', 'the log is not in the terminal')

  demo.child.kill('SIGTERM')
  t.same(await demo.exit, [0, null])
  await t.rejects(fetch(admin))
  t.match(readFileSync(config, 'utf8'), '[reader]', 'a configuration that was edited was deleted')
  t.match(demo.stderr(), `kept: ${config}`)
})

t.test('SIGTERM to npm left its child process running', async t => {
  const temporary = t.testdir({})
  for (const script of ['start', 'gatehouse']) {
    const args = [
      'run',
      '--silent',
      '--ignore-scripts',
      script,
      '--',
      ...(script === 'start' ? [] : ['demo']),
    ]
    const PATH = `${dirname(process.execPath)}:${process.env['PATH']}`
    const child = spawn('npm', [...args, '--format', 'json', '--ephemeral'], {
      cwd: repository,
      env: { ...process.env, PATH, TMPDIR: temporary },
      detached: true,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    let stdout = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    await until(() => stdout.endsWith('\n'), 'the demo runs')
    const exit = once(child, 'exit')
    child.kill('SIGTERM')
    t.same(await exit, [0, null], script)
    const left = readdirSync(temporary).filter(name => name.startsWith('gatehouse-'))
    t.same(left, [], 'the process and its folder are gone')
    if (left.length > 0) process.kill(-child.pid!, 'SIGKILL')
  }
})

t.test('the text output shows the key once, and its commands work', async t => {
  const demo = startDemo(t, ['--ephemeral'])
  const text = await until(
    () => (demo.stdout().includes('Ctrl-C') ? demo.stdout() : undefined),
    'the demo runs',
  )
  const [assignment = '', key = ''] = /export GATEHOUSE_KEY=(\S+)/.exec(text) ?? []
  t.equal(text.split(key).length, 2)
  const curl = /^ {2}curl (?:.*\\\n)*.*\n/m.exec(text)?.[0] ?? ''
  const { stdout } = await promisify(execFile)('sh', ['-ec', `${assignment}\n${curl}`])
  t.match(stdout, /^HTTP\/1\.1 200/)
  t.match(stdout, '"get_users"')

  const command =
    /^ {2}npx -y @modelcontextprotocol\/inspector@2 (--cli (?:.*\\\n)*.*)\n/m.exec(text)?.[1] ?? ''
  const inspector = join(repository, 'node_modules/.bin/mcp-inspector')
  const PATH = `${dirname(process.execPath)}:${process.env['PATH']}`
  const inspected = await promisify(execFile)('sh', ['-ec', `${assignment}\n${inspector} ${command}`], {
    env: { ...process.env, PATH },
  })
  t.equal((JSON.parse(inspected.stdout) as { tools: object[] }).tools.length, 15)
  t.match(text, /inspector@2 --web \\\n +--server-url http:\/\/127\.0\.0\.1:\d+\/mock\/mcp /)
  t.ok(existsSync(/\/\S+gateway\.yaml/.exec(text)?.[0] ?? ''))

  demo.child.kill('SIGINT')
  demo.child.kill('SIGINT')
  t.same(await demo.exit, [0, null], 'npm repeats a signal that the terminal sent already')
  t.same(readdirSync(demo.temporary), [], 'an unchanged demo leaves nothing behind')
  t.equal(demo.stderr(), '')
})

t.test('the terminal of the demo says in a sentence whether a change is applied', async t => {
  const demo = startDemo(t, ['--ephemeral'])
  await until(() => demo.stdout().includes('Ctrl-C'), 'the demo runs')
  const config = /\/\S+gateway\.yaml/.exec(demo.stdout())![0]
  const text = readFileSync(config, 'utf8')
  writeFileSync(config, text.replace('[operator]', '[nobody]'))
  await until(() => /nothing changes:\n {2}line \d+: GH\d+ /.test(demo.stderr()), 'the mistake is shown')
  writeFileSync(config, text.replace('[operator]', '[reader]'))
  await until(() => /is applied\.\n/.test(demo.stderr()), 'the change is reported')
  t.notMatch(demo.stderr(), /[{}]/, 'the JSON of the log is in its file')
  demo.child.kill('SIGTERM')
  t.same(await demo.exit, [0, null])
})

t.test('ports in use are reported, and others are used', async t => {
  const taken = await Promise.all(
    [8080, 9090, 7878].map(async port => {
      const server = createServer().listen(port, '127.0.0.1')
      t.teardown(() => server.close())
      // The port may be in use already.
      await Promise.race([once(server, 'listening'), once(server, 'error')]).catch(() => {})
      return port
    }),
  )
  const demo = startDemo(t, ['--format', 'json'])
  const { url, key } = await facts(demo)
  for (const port of taken) t.match(demo.stderr(), `port ${port} is in use`)
  t.not((await ping(url, key)).status, 401)
  demo.child.kill('SIGHUP')
  t.same(await demo.exit, [0, null])
})

t.test('demo reports missing development packages', async t => {
  const hook = `import { registerHooks } from 'node:module'
    registerHooks({ resolve(name, context, next) {
      if (!name.startsWith('@modelcontextprotocol/')) return next(name, context)
      throw Object.assign(new Error(name), { code: 'ERR_MODULE_NOT_FOUND' })
    } })`
  const demo = startDemo(t, ['--ephemeral'], [`--import=data:text/javascript,${encodeURIComponent(hook)}`])
  t.same(await demo.exit, [2, null])
  t.match(demo.stderr(), /npm ci/)
  t.equal(demo.stdout(), '')
  t.same(readdirSync(demo.temporary), [])
})

t.test('invalid usage is exit 2', async t => {
  for (const args of [['--format', 'xml'], ['--port', '1'], ['more']]) {
    t.same(await startDemo(t, args).exit, [2, null])
  }
})

t.test(
  'the quickstart is valid with a secret for sessions as its only variable, and has the usual addresses',
  async t => {
    const { loaded, diagnostics } = load(quickstart, {
      env: { SESSION_SECRET: 'x'.repeat(32) },
      now: new Date(),
    })
    t.same(diagnostics, [])
    t.match(loaded?.config, {
      listen: { address: '127.0.0.1:8080' },
      admin: { address: '127.0.0.1:9090' },
      keys: {},
      proxies: {
        mock: { path: '/mock/mcp', auth: ['team-keys'], upstream: { url: 'http://127.0.0.1:7878/mcp' } },
      },
    })
  },
)
