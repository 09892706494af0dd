import { copyFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { loadHandover } from '../gateway/config/load-handover.ts'
import { startGateway } from '../gateway/runtime/gateway.ts'
import { run } from './fixtures/keys.ts'
import { call } from './fixtures/secure.ts'
import { until } from './fixtures/until.ts'
import { json, messageOf, startTestUpstream } from './fixtures/upstream.ts'

const example = join(import.meta.dirname, '../examples/key-rotation')
const upstream = await startTestUpstream((arrival, response) =>
  json(response, { jsonrpc: '2.0', id: messageOf(arrival).id, result: {} }),
)
t.teardown(upstream.close)

/** The `keys` commands of the README, in order. */
const commands = [
  ...readFileSync(join(example, 'README.md'), 'utf8').matchAll(/^bin\/gatehouse keys (.+)$/gm),
].map(([, args = '']) => args.split(' '))

t.test('the example works step by step as its README says', async t => {
  const folder = t.testdir()
  const path = join(folder, 'gateway.yaml')
  copyFileSync(join(example, 'gateway.yaml'), path)
  const env = {
    GATEHOUSE_ADDRESS: '127.0.0.1:0',
    GATEHOUSE_ADMIN_ADDRESS: '127.0.0.1:0',
    MOCK_URL: upstream.url,
  }
  const read = () => loadHandover(path, { env, now: new Date() })
  t.strictSame(read().diagnostics, [])
  const lines: Record<string, unknown>[] = []
  const write = (text: string): void => {
    for (const line of text.trimEnd().split('\n')) lines.push(JSON.parse(line) as Record<string, unknown>)
  }
  const gateway = await startGateway({ load: read, write, watch: false })
  t.teardown(gateway.close)

  const next = async (command: string): Promise<string> => {
    const args = commands.shift() ?? []
    t.equal(args[0], command)
    t.equal(args.at(-1), 'examples/key-rotation/gateway.yaml')
    const { code, stdout, stderr } = await run(folder, [...args.slice(0, -1), 'gateway.yaml'])
    t.equal(code, 0, stderr)
    await gateway.reload()
    t.strictSame(read().diagnostics, [])
    return stdout.trimEnd()
  }
  const requests = () => lines.filter(({ event }) => event === 'request')
  const present = async (secret: string): Promise<string> => {
    const before = requests().length
    const { status, reason } = await call(`${gateway.url}/mock/mcp`, {
      headers: { authorization: `Bearer ${secret}` },
    })
    // A client has its response before the line is written; the next request must not overtake it.
    await until(() => requests().length > before, 'the request is logged')
    return reason ?? String(status)
  }

  const first = await next('new')
  t.equal(await present(first), '200')
  const second = await next('rotate')
  t.match(await next('list'), /ci-agent .* rotating .* until \d{4}-/)
  t.strictSame([await present(second), await present(first)], ['200', '200'])
  t.strictSame(
    requests().map(({ secret }) => secret),
    [undefined, undefined, 'outgoing'],
  )
  const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text()
  const [line = ''] = /^gatehouse_outgoing_secret_uses_total.*$/m.exec(metrics) ?? []
  t.ok(readFileSync(join(example, 'README.md'), 'utf8').includes(`\n${line}\n`), 'as the README shows it')
  t.match(line, / 1$/)

  const third = await next('rotate')
  t.strictSame(
    [await present(first), await present(second), await present(third)],
    ['credential_invalid', 'credential_invalid', '200'],
  )
  await next('revoke')
  t.equal(await present(third), 'credential_invalid')
  t.strictSame(commands, [], 'the README has no more')
})
