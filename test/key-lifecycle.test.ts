import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { hashSecret, newSecret } from '../gateway/auth/api-key/key.ts'
import { load } from '../gateway/config/load.ts'
import { config as keysConfig, folderWith, keysOf, run } from './fixtures/keys.ts'
import { startTestGateway, type TestGateway } from './fixtures/gateway.ts'
import { call, follow, type Answered } from './fixtures/secure.ts'
import { until } from './fixtures/until.ts'
import { answerOrStream, startTestUpstream } from './fixtures/upstream.ts'

const pepper = 'canary-of-the-pepper-0123456789abcdef0123456'
const [first, second] = [newSecret(), newSecret()]
const [plainHash, pepperedHash] = [hashSecret(first), hashSecret(first, pepper)]

const upstream = await startTestUpstream(answerOrStream)
t.teardown(upstream.close)

interface Shape {
  readonly secrets: string
  /** More fields of the key. */
  readonly key?: string
  readonly pepper?: string
}

/** One key, `ann`, that may do everything. */
function config({ secrets, key = '', pepper = '' }: Shape): string {
  return `${pepper}
auth: {keys: {type: api-key}}
roles: {all: {access: {main: {tools: {allow: ["*"]}}}}}
keys: {ann: {roles: [all], secrets: [${secrets}]${key}}}
proxies: {main: {auth: [keys], upstream: {url: "${upstream.url}"}}}
`
}

async function start(t: Test, shape: Shape, env: Record<string, string> = {}): Promise<TestGateway> {
  const gateway = await startTestGateway(config(shape), { env })
  t.teardown(gateway.close)
  return gateway
}

const bearer = (secret: string): { headers: Record<string, string> } => ({
  headers: { authorization: `Bearer ${secret}` },
})
const present = (gateway: TestGateway, secret: string): Promise<Answered> =>
  call(`${gateway.url}/main/mcp`, bearer(secret))

const entry = (secret: string, more = ''): string => `{hash: "${hashSecret(secret)}"${more}}`
const [soon, later] = [', expires: 2998-01-01', ', expires: 2999-01-01']

const outgoing: Record<string, [shape: Shape, presented: string, outgoing: boolean]> = {
  'one that expires while another does not': [
    { secrets: `${entry(first, soon)}, ${entry(second)}` },
    first,
    true,
  ],
  'one that expires sooner': [{ secrets: `${entry(first, soon)}, ${entry(second, later)}` }, first, true],
  'one that expires together with its key': [
    { secrets: `${entry(first, soon)}, ${entry(second)}`, key: soon },
    first,
    true,
  ],
  'not the new one': [{ secrets: `${entry(first, soon)}, ${entry(second)}` }, second, false],
  'not one that expires later': [
    { secrets: `${entry(first, soon)}, ${entry(second, later)}` },
    second,
    false,
  ],
  'not two that expire together': [
    { secrets: `${entry(first, soon)}, ${entry(second, soon)}` },
    first,
    false,
  ],
  'not the only one, although it expires': [{ secrets: entry(first, soon) }, first, false],
}
for (const [name, [shape, presented, expected]] of Object.entries(outgoing)) {
  t.test(`an outgoing secret is logged and counted: ${name}`, async t => {
    const gateway = await start(t, shape)
    t.equal((await present(gateway, presented)).status, 200)
    const line = await until(() => gateway.lines.find(({ event }) => event === 'request'), 'it is logged')
    t.equal(line['secret'], expected ? 'outgoing' : undefined)
    t.equal(line['principal'], 'ann')
    const counted = 'gatehouse_outgoing_secret_uses_total{key="ann"} 1\n'
    t.equal((await gateway.metrics()).includes(counted), expected)
  })
}

const fromEnv = 'pepper: {env: PEPPER}'
const env = { PEPPER: pepper }

t.test('a peppered hash accepts only its secret', async t => {
  const gateway = await start(t, { secrets: `{hash: "${pepperedHash}"}`, pepper: fromEnv }, env)
  t.match(await present(gateway, first), { status: 200 })
  for (const wrong of [second, pepperedHash, pepperedHash.split(':')[1]!, plainHash, pepper, `${first}x`])
    t.match(await present(gateway, wrong), { status: 401, reason: 'credential_invalid' })
  t.notOk(gateway.logText().includes(pepper))
})

t.test('hashes with and without a pepper work side by side', async t => {
  const secrets = `{hash: "${pepperedHash}"}, ${entry(second)}`
  const gateway = await start(t, { secrets, pepper: fromEnv }, env)
  for (const secret of [first, second]) t.match(await present(gateway, secret), { status: 200 })
})

t.test('with another pepper a secret is unknown, and its open streams end', async t => {
  const env: Record<string, string> = { PEPPER: pepper }
  const gateway = await start(t, { secrets: `{hash: "${pepperedHash}"}`, pepper: fromEnv }, env)
  const stream = await follow(`${gateway.url}/main/mcp`, bearer(first))
  const { revision } = await gateway.status()
  env['PEPPER'] = [...pepper].toReversed().join('')
  await gateway.reload()
  t.not((await gateway.status()).revision, revision, 'it is part of the revision')
  await until(() => stream.endedAt(), 'the stream ends')
  t.match(await present(gateway, first), { status: 401, reason: 'credential_invalid' })
})

/** A configuration for the commands whose pepper is in the file `pepper`. */
const filed = (keys: string): string => keysConfig(`pepper: {file: pepper}\n${keys}`)
const annOf = (hash: string): string => `keys: {ann: {roles: [reader], secrets: [{hash: "${hash}"}]}}\n`

const making: Record<string, [args: string[], text: string, name: string]> = {
  new: [['new', 'bob', '--role', 'reader'], filed(annOf(plainHash)), 'bob'],
  'new, the first key': [['new', 'bob', '--role', 'reader'], filed('keys:\n'), 'bob'],
  rotate: [['rotate', 'ann'], filed(annOf(plainHash)), 'ann'],
}
for (const [name, [args, text, key]] of Object.entries(making)) {
  t.test(
    `keys ${name}: the hash is peppered when the pepper is available, otherwise there is a warning`,
    async t => {
      for (const [there, hashed] of [
        [true, (secret: string) => hashSecret(secret, pepper)],
        [false, hashSecret],
      ] as const) {
        const { folder, file } = folderWith(t, text)
        if (there) writeFileSync(join(folder, 'pepper'), `${pepper}\n`)
        const { code, stdout, stderr } = await run(folder, args)
        t.equal(code, 0)
        t.equal(keysOf(file)[key]!.secrets.at(-1)!.hash, hashed(stdout.trimEnd()))
        t.equal(/warning: the pepper/.test(stderr), !there)
        t.notOk(`${stdout}${stderr}`.includes(pepper))
      }
    },
  )
}

t.test('keys hash -c uses the pepper of the configuration', async t => {
  const { folder } = folderWith(t, filed(annOf(plainHash)))
  writeFileSync(join(folder, 'pepper'), pepper)
  const hash = async (...args: string[]): Promise<string> =>
    (await run(folder, ['hash', ...args], `${first}\n`)).stdout
  t.equal(await hash('-c', 'gateway.yaml'), `${pepperedHash}\n`)
  t.equal(await hash(), `${plainHash}\n`)
  for (const [args, code] of [
    [['-c', 'gateway.yaml', first], 2],
    [['-c', 'none.yaml'], 2],
    [['-c'], 2],
  ] as const) {
    const { stdout, stderr, code: got } = await run(folder, ['hash', ...args], first)
    t.equal(got, code)
    t.notOk(`${stdout}${stderr}`.includes(first), 'the secret is not repeated')
  }
})

t.test('keys list shows eight digits of a hash, whatever its kind', async t => {
  const { folder } = folderWith(t, filed(annOf(pepperedHash)))
  const { stdout } = await run(folder, ['list'])
  const digits = pepperedHash.split(':')[1]!
  t.match(stdout, ` ${digits.slice(0, 8)}\n`)
  t.notOk(stdout.includes(digits.slice(0, 9)))
})

t.test('a missing pepper is an error at its place', async t => {
  const { file } = folderWith(t, filed(annOf(pepperedHash)))
  const codes = load(file, { env: { UPSTREAM: 'http://127.0.0.1:1/mcp', API_KEY: 'k' }, now: new Date() })
    .diagnostics.filter(({ severity }) => severity === 'error')
    .map(({ code, path }) => `${code} ${path}`)
  t.strictSame(codes, ['GH1104 /pepper/file'])
})
