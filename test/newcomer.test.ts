import { spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { until } from './fixtures/until.ts'

const root = join(import.meta.dirname, '..')

/** A block of a page: a piece of a file or of a session in a terminal. */
interface Block {
  readonly language: string
  readonly text: string
}

/** Returns the blocks between a heading and the next one of its kind. */
function blocksUnder(page: string, heading: string): Block[] {
  const text = readFileSync(join(root, page), 'utf8')
  const [, section = ''] = heading === '' ? ['', text] : text.split(`\n${heading}\n`)
  const end = heading === '' ? undefined : section.search(/^## /m)
  return [
    ...section.slice(0, end === -1 ? undefined : end).matchAll(/^( *)```(\w+)\n([\s\S]*?)^ *```$/gm),
  ].map(([, indent = '', language = '', body = '']) => ({
    language,
    text: body.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  }))
}

/** A shell in a clone of the repository. What one block defines, the next ones can use. */
interface Terminal {
  readonly folder: string
  /** Replaces a text in everything that is typed after this. */
  replace(text: string, by: string): void
  /** Types a block, and returns what it prints. */
  type(text: string): Promise<string>
  /** Types a block that starts servers, which the shell keeps running. Returns what they have printed so far. */
  start(line: string): Promise<() => string>
}

async function openTerminal(t: Test, env: Record<string, string> = {}): Promise<Terminal> {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-newcomer-'))
  for (const name of ['bin', 'gateway', 'node_modules', 'policies', 'schema'])
    symlinkSync(join(root, name), join(folder, name))
  cpSync(join(root, 'examples'), join(folder, 'examples'), { recursive: true })
  const shell = spawn('bash', ['--norc'], {
    cwd: folder,
    env: { ...process.env, TMPDIR: folder, ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  })
  t.teardown(async () => {
    shell.stdin.destroy()
    shell.stdout.destroy()
    await until(() => hasEnded(shell.pid!), 'all that was started has ended')
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  })
  const lines = createInterface(shell.stdout)[Symbol.asyncIterator]()
  const replacements: [string, string][] = []
  let count = 0
  const typed = (text: string): string =>
    replacements.reduce((all, [from, to]) => all.replaceAll(from, to), text)
  return {
    folder,
    replace: (text, by) => void replacements.push([text, by]),
    async type(text) {
      const output = join(folder, `output-${count++}`)
      shell.stdin.write(`{\n${typed(text)}\n} > ${output} 2>&1\necho done\n`)
      await lines.next()
      return readFileSync(output, 'utf8')
    },
    async start(line) {
      const output = join(folder, `output-${count++}`)
      shell.stdin.write(`${typed(line)} > ${output} 2>&1 &\necho done\n`)
      await lines.next()
      return () => readFileSync(output, { encoding: 'utf8', flag: 'a+' })
    },
  }
}

/** Kills a process group. Returns whether nothing of it is left. */
function hasEnded(group: number): boolean {
  try {
    return !process.kill(-group, 'SIGKILL')
  } catch {
    return true
  }
}

/** Returns the lines of a block that begin with `# `: what the reader is to see. */
const shown = (text: string): string[] => [...text.matchAll(/^# (.*)$/gm)].map(([, line]) => line!)

/** Types a block until what it says appears. A change of a file takes a moment. */
async function typeAndSee(t: Test, terminal: Terminal, text: string): Promise<string> {
  const expected = shown(text).map(line => line.split('…')[0]!)
  let printed = ''
  const matches = async (): Promise<boolean> => {
    printed = await terminal.type(text)
    return expected.every(line => printed.toLowerCase().includes(line.toLowerCase()))
  }
  await until(matches, text).catch((error: unknown) => t.fail(printed, { cause: error }))
  t.pass(expected.join(', '))
  return printed
}

const listening = (log: string): string | undefined => /"event":"listening","url":"([^"]+)"/.exec(log)?.[1]

/** Starts the mock server, and lets its address stand for the usual one. */
async function startMock(terminal: Terminal): Promise<void> {
  const log = await terminal.start('node_modules/.bin/node examples/mock-server/server.ts --port 0')
  const url = await until(() => /http:\S+(?=\/mcp)/.exec(log())?.[0], 'the mock server runs')
  terminal.replace('http://127.0.0.1:7878', url)
}

/** Starts the gateway as a page says, and lets its address stand for the usual one. */
async function startGateway(terminal: Terminal, line: string, usual: string): Promise<void> {
  const log = await terminal.start(line)
  terminal.replace(usual, await until(() => listening(log()), line))
}

t.test('getting started: the demo answers as the page says', async t => {
  const terminal = await openTerminal(t)
  const blocks = blocksUnder('docs/getting-started.md', '## Run the demo').filter(
    ({ language }) => language === 'sh',
  )
  t.equal(blocks.length, 3)
  const log = await terminal.start('bin/gatehouse demo --ephemeral --format json')
  const { url, key } = await until(
    () => (log().endsWith('\n') ? (JSON.parse(log()) as { url: string; key: string }) : undefined),
    'the demo runs',
  )
  terminal.replace('http://127.0.0.1:8080/mock/mcp', url)
  terminal.replace('npx -y @modelcontextprotocol/inspector@2', 'node_modules/.bin/mcp-inspector')
  await terminal.type(`export PATH="$PWD/node_modules/.bin:$PATH" GATEHOUSE_KEY=${key}`)
  const [, withKey = '', inspected = ''] = [
    await typeAndSee(t, terminal, blocks[0]!.text),
    await typeAndSee(t, terminal, blocks[1]!.text),
    await terminal.type(blocks[2]!.text),
  ]
  t.equal(withKey.split('"inputSchema"').length - 1, 15)
  t.equal(inspected.split('"inputSchema"').length - 1, 15)
})

t.test('the Inspector on the page is the one that is tested', async t => {
  const { version } = JSON.parse(
    readFileSync(join(root, 'node_modules/@modelcontextprotocol/inspector/package.json'), 'utf8'),
  ) as { version: string }
  for (const page of ['docs/getting-started.md', 'gateway/commands/demo/welcome.ts']) {
    const majors = [
      ...readFileSync(join(root, page), 'utf8').matchAll(/npx -y @modelcontextprotocol\/inspector(\S*)/g),
    ]
    t.ok(majors.length > 0)
    for (const [, major] of majors) t.match(major, `@${version.split('.')[0]}`, page)
  }
})

t.test('getting started: from no authentication to a key', async t => {
  const terminal = await openTerminal(t)
  await startMock(terminal)
  const file = join(terminal.folder, 'gateway.yaml')
  const local = 'listen: {address: "127.0.0.1:0"}\nadmin: {address: "127.0.0.1:0"}\nworkers: 1\n'
  const mock = await terminal.type('echo http://127.0.0.1:7878')
  const seen: string[] = []
  let running = false
  for (const { language, text } of blocksUnder(
    'docs/getting-started.md',
    '## Put it in front of your own server',
  )) {
    if (language === 'yaml' && text.startsWith('version: 1')) {
      writeFileSync(file, text.replaceAll('http://127.0.0.1:7878', mock.trim()) + local)
    } else if (language === 'yaml') {
      const hash = /sha256:\w{64}/.exec(seen.at(-1)!)![0]
      const entry = text.replace('sha256:…', hash).replace(/expires: \S+/, 'expires: 2999-01-01')
      writeFileSync(file, `${readFileSync(file, 'utf8').replace(/^keys:\n(?: .*\n)*/m, '')}${entry}`)
    } else if (text.includes('bin/gatehouse run')) {
      t.match(await terminal.type('bin/gatehouse validate'), /gateway\.yaml: valid/)
      await startGateway(terminal, 'bin/gatehouse run', 'http://127.0.0.1:8080')
      running = true
    } else if (running) seen.push(await typeAndSee(t, terminal, text))
  }
  t.same(
    seen.flatMap(output => /HTTP\/1\.1 \d+/.exec(output) ?? []),
    ['HTTP/1.1 200', 'HTTP/1.1 401', 'HTTP/1.1 200'],
  )
  const byHand = 'initialize -H "Authorization: Bearer $SECRET"\n# HTTP/1.1 200 OK'
  await typeAndSee(t, terminal, byHand)
})

t.test('the README of each example: its calls are answered with 200', async t => {
  const env = { GATEHOUSE_ADDRESS: '127.0.0.1:0', GATEHOUSE_ADMIN_ADDRESS: '127.0.0.1:0' }
  const mockUrl = async (terminal: Terminal): Promise<void> => {
    await startMock(terminal)
    await terminal.type('export MOCK_URL=http://127.0.0.1:7878/mcp')
  }
  const callOf = (page: string): string =>
    blocksUnder(page, '').find(({ text }) => text.includes('# HTTP/1.1 200 OK'))!.text

  t.test('key-rotation', async t => {
    const terminal = await openTerminal(t, env)
    await mockUrl(terminal)
    const config = '-c examples/key-rotation/gateway.yaml'
    const secret = /gate_\w+/.exec(
      await terminal.type(`bin/gatehouse keys new ci-agent --role reader ${config}`),
    )![0]
    await startGateway(terminal, `bin/gatehouse run ${config}`, 'http://127.0.0.1:8080')
    terminal.replace('gate_…', secret)
    t.match(await typeAndSee(t, terminal, callOf('examples/key-rotation/README.md')), 'get_users')
  })

  t.test('mtls', async t => {
    const terminal = await openTerminal(t, env)
    await mockUrl(terminal)
    await terminal.type('sh examples/mtls/make-certificates.sh')
    await startGateway(terminal, 'bin/gatehouse run -c examples/mtls/gateway.yaml', 'https://127.0.0.1:8443')
    t.match(await typeAndSee(t, terminal, callOf('examples/mtls/README.md')), 'get_users')
    await terminal.type('sh examples/mtls/make-certificates.sh --revoke report')
    await typeAndSee(t, terminal, 'agent report\n# HTTP/1.1 401')
  })

  t.test('mock-server', async t => {
    const terminal = await openTerminal(t)
    await startMock(terminal)
    await typeAndSee(t, terminal, callOf('examples/mock-server/README.md'))
  })
})

t.test('every JSON on the page about clients can be read, and holds the URL and the key', async t => {
  const blocks = blocksUnder('docs/clients.md', '')
  const configurations = blocks.filter(({ language }) => language === 'json').map(({ text }) => text)
  t.ok(configurations.length >= 4)
  for (const text of configurations) {
    const read = JSON.stringify(JSON.parse(text))
    t.match(read, 'https://mcp.example.com/tickets/mcp')
    t.match(read, /Authorization/)
  }
})

t.test('a page that starts something in the background says how to stop it', async t => {
  for (const name of ['quickstart', 'key-rotation', 'jwt', 'mtls', 'oauth', 'fragments']) {
    const page = readFileSync(join(root, 'examples', name, 'README.md'), 'utf8')
    const started = [...page.matchAll(/^(?:node_modules|bin|\w+=\S+ bin)\/.* &$/gm)].length
    t.ok(started > 0, name)
    const [, stopped = ''] = /`kill ((?:%\d ?)+)`/.exec(page) ?? []
    t.equal(stopped.trim().split(' ').length, started, name)
  }
  t.match(
    readFileSync(join(root, 'docs/getting-started.md'), 'utf8'),
    /To stop the demo[\s\S]*To stop the gateway/,
  )
})
