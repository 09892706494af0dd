import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { chromium, type Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { until } from './fixtures/until.ts'

const fromRoot = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url))
const inspector = fromRoot('node_modules/.bin/inspector')
const browser = process.env['CHROMIUM'] ?? '/usr/bin/chromium'
const picture = fromRoot('docs/inspector.png')
const timeoutMs = 40_000

const tools =
  'create_post create_user delete_user format_date generate_report generate_uuid get_analytics get_anything ' +
  'get_posts get_products get_users process_order slow_response update_user validate_email'

/** The endpoint of a running `gatehouse demo`, and the key that it made. */
interface Demo {
  url: string
  key: string
}

/** The Inspector remembers servers and keys in the home folder: each test gets one of its own. */
function temporaryFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-inspector-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  return folder
}

/** Starts a program that ends with the test, and waits until what it says on stdout matches. */
async function start(t: Test, args: string[], env: NodeJS.ProcessEnv, ready: RegExp): Promise<string> {
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const kill = (): void => void child.kill('SIGKILL')
  process.once('exit', kill)
  t.teardown(async () => {
    process.off('exit', kill)
    await end(child)
  })
  let said = ''
  let complained = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complained += text))
  const deadline = setTimeout(kill, timeoutMs)
  for await (const text of child.stdout.setEncoding('utf8')) {
    said += text as string
    const found = ready.exec(said)
    if (found === null) continue
    clearTimeout(deadline)
    child.stdout.resume()
    return found[1] ?? ''
  }
  throw new Error(`${args.join(' ')} did not start:\n${said}${complained}`)
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const deadline = setTimeout(() => child.kill('SIGKILL'), 5000)
  await ended
  clearTimeout(deadline)
}

async function startDemo(t: Test): Promise<Demo> {
  const args = [fromRoot('gateway/main.ts'), 'demo', '--format', 'json', '--ephemeral']
  return JSON.parse(await start(t, args, process.env, /^(\{.*\})\n/)) as Demo
}

function environment(home: string): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    HOME: home,
    MCP_AUTO_OPEN_ENABLED: 'false',
    MCP_INSPECTOR_SECRET_STORE: 'memory',
  }
}

interface Finished {
  code: number | string | null | undefined
  stdout: string
  stderr: string
}

/** Runs the Inspector's command line with a home folder of its own, and without a terminal. */
function runCli(
  t: Test,
  url: string,
  method: string,
  key: string | undefined,
  ...more: string[]
): Promise<Finished> {
  const args = [
    inspector,
    '--cli',
    '--server-url',
    url,
    '--transport',
    'http',
    '--format',
    'json',
    '--method',
    method,
  ]
  const header = key === undefined ? [] : ['--header', `Authorization: Bearer ${key}`]
  const options = { env: environment(temporaryFolder(t)), timeout: timeoutMs }
  return new Promise(resolve => {
    const child = execFile(
      process.execPath,
      [...args, ...header, ...more],
      options,
      (error, stdout, stderr) => resolve({ code: error === null ? 0 : error.code, stdout, stderr }),
    )
    child.stdin?.end()
  })
}

t.test('what the tests need is installed', async t => {
  t.ok(existsSync(inspector), 'the MCP Inspector: run npm ci')
  t.ok(existsSync(browser), `${browser}: run node scripts/setup.mjs --for-tests, or name another in CHROMIUM`)
})

t.test('the command line of the Inspector', async t => {
  const { url, key } = await startDemo(t)
  for (const era of ['legacy', 'modern']) {
    const listed = await runCli(t, url, 'tools/list', key, '--protocol-era', era)
    t.equal(listed.code, 0, listed.stderr)
    const { result } = JSON.parse(listed.stdout) as { result: { tools: { name: string }[] } }
    const names = result.tools.map(({ name }) => name)
    t.equal(names.toSorted().join(' '), tools, `${era}: 15 tools, no more, no less`)

    for (const [what, wrong] of Object.entries({ 'no key': undefined, 'a wrong key': `${key}x` })) {
      const refused = await runCli(t, url, 'tools/list', wrong, '--protocol-era', era, '--stored-auth-only')
      t.equal(refused.code, 3, `${era}, ${what}`)
      t.match(refused.stderr, /"auth_required".*401/)
      t.equal(refused.stdout, '')
    }
  }
  const tool = ['--tool-name', 'validate_email', '--tool-arg', 'email=ada@example.com']
  const called = await runCli(t, url, 'tools/call', key, ...tool)
  t.equal(called.code, 0, called.stderr)
  t.match(JSON.parse(called.stdout), { result: { structuredContent: { valid: true } } })
})

/** A port that nobody listens on: the Inspector's page must be told one. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}

/** Starts the Inspector's page and opens it in a browser that reaches this machine only. */
async function openPage(t: Test, home: string, args: string[]): Promise<Page> {
  const page = { HOST: '127.0.0.1', CLIENT_PORT: String(await freePort()), MCP_SANDBOX_PORT: '0' }
  const env = { ...environment(home), ...page }
  const url = await start(t, [inspector, '--web', ...args], env, /up and running at:\s+(http:\S+)/)
  const context = await chromium.launchPersistentContext(join(home, 'browser'), {
    executablePath: browser,
    headless: true,
    viewport: { width: 1280, height: 800 },
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
    ],
  })
  t.teardown(() => context.close())
  context.setDefaultTimeout(timeoutMs)
  const [first] = context.pages()
  const opened = first ?? (await context.newPage())
  await opened.goto(url)
  return opened
}

/**
 * Connects, and waits until the page says how that went. The switch is pressed as from a keyboard, because its label
 * lies over it, and once more where it did not move: it may be pressed before the page is ready for that.
 */
async function connect(page: Page, outcome: string, tries = 3): Promise<void> {
  const connected = page.getByRole('switch', { name: 'Connect or disconnect' })
  if (!(await connected.isChecked())) await connected.press('Space')
  try {
    await page.getByText(outcome, { exact: true }).waitFor({ timeout: timeoutMs / 3 })
  } catch (error) {
    if (tries > 1) return connect(page, outcome, tries - 1)
    const shown = await page.locator('body').innerText()
    throw new Error(`${JSON.stringify(outcome)} did not appear on the page, but:\n${shown}`, { cause: error })
  }
}

async function listedTools(t: Test, page: Page): Promise<void> {
  await page.getByText('Tools', { exact: true }).click()
  await page.getByText('Tools (15)', { exact: true }).waitFor()
  for (const name of tools.split(' ')) t.equal(await page.getByText(name, { exact: true }).count(), 1, name)
}

t.test('the page of the Inspector: 401 without the key, 15 tools with it', async t => {
  const { url, key } = await startDemo(t)
  const home = temporaryFolder(t)
  const catalog = join(home, 'servers.json')
  writeFileSync(catalog, JSON.stringify({ mcpServers: { gatehouse: { type: 'streamable-http', url } } }))
  const page = await openPage(t, home, ['--catalog', catalog])

  await connect(page, 'Failed to connect to "gatehouse"')
  t.equal(await page.getByText('401 Unauthorized').count(), 1)
  t.equal(await page.getByText('Tools', { exact: true }).count(), 0)

  await page.getByRole('button', { name: 'Settings', exact: true }).click()
  const settings = page.getByRole('dialog').filter({ hasText: 'Server Settings' })
  await settings.getByRole('button', { name: 'Custom Headers' }).click()
  await settings.getByRole('button', { name: '+ Add Header' }).click()
  await settings.getByPlaceholder('Key').first().fill('Authorization')
  await settings.getByPlaceholder('Value').first().fill(`Bearer ${key}`)
  await settings.getByRole('button', { name: 'Close', exact: true }).click()
  await settings.waitFor({ state: 'hidden' })
  // It is saved a moment later, and who connects before that connects without it.
  await until(() => readFileSync(catalog, 'utf8').includes(key), 'the header is saved')

  await connect(page, 'Connected')
  await listedTools(t, page)

  // It covers what is clicked next, and may have gone by itself.
  const alert = page.getByRole('alert')
  await alert
    .getByRole('button')
    .click({ timeout: 2000 })
    .catch(() => {})
  await alert.waitFor({ state: 'hidden' })
  await page.getByRole('button', { name: 'Close monitoring sidebar' }).click()
  await page.getByText('get_users', { exact: true }).click()
  await page.getByRole('button', { name: 'Execute Tool' }).click()
  await page.getByText('ada@example.com').first().waitFor()
  if (process.env['UPDATE_SCREENSHOT'] === '1') await takePicture(t, page, key)
})

/** Takes the picture for the documentation. The key is short-lived, and in no place of the page all the same. */
async function takePicture(t: Test, page: Page, key: string): Promise<void> {
  t.notMatch(await page.content(), key)
  for (const field of await page.locator('input, textarea').all()) t.notMatch(await field.inputValue(), key)
  await page.getByRole('alert').waitFor({ state: 'hidden' })
  await page.screenshot({ path: picture, animations: 'disabled', mask: [page.getByText(key)] })
}

t.test('the page of the Inspector, started as the quickstart says, in the modern era', async t => {
  const { url, key } = await startDemo(t)
  const header = `Authorization: Bearer ${key}`
  const server = ['--server-url', url, '--transport', 'http', '--header', header, '--protocol-era', 'modern']
  const page = await openPage(t, temporaryFolder(t), server)
  await connect(page, 'MCP 2026-07-28')
  await listedTools(t, page)
})
