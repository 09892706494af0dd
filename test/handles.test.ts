import t, { type Test } from 'tap'
import { hashSecret } from '../gateway/access/key.ts'
import { startTestGateway, type TestGateway } from './fixtures/gateway.ts'
import { json, messageOf, startTestUpstream, type Answer, type TestUpstream } from './fixtures/upstream.ts'

/** Two principals, and further secrets of theirs. */
const secrets = {
  ann: 'canary-of-ann-in-the-handles-test-0123456789',
  annToo: 'canary-of-ann-after-her-rotation-0123456789',
  bob: 'canary-of-bob-in-the-handles-test-0123456789',
}
type Caller = keyof typeof secrets

const roles = `
  all: {access: {main: {tools: {allow: ["*"]}, prompts: {allow: ["*"]}, resources: {allow: ["*"]}}}}
  getter: {access: {main: {tools: {allow: ["get_*"]}, prompts: {allow: ["*"]}, resources: {allow: ["*"]}}}}`

const key = (name: string, role: string, ...held: string[]): string =>
  `  ${name}: {roles: [${role}], secrets: [${held.join(', ')}]}`
const secret = (caller: Caller, expires = ''): string =>
  `{hash: "${hashSecret(secrets[caller])}"${expires && `, expires: "${expires}"`}}`

interface Setting {
  gateway: TestGateway
  upstream: TestUpstream
  url: string
  /** The configuration with other keys. */
  yaml(keys: string[]): string
}

const everybody = [key('ann', 'all', secret('ann')), key('bob', 'getter', secret('bob'))]

/** A gateway with one proxy in front of an upstream that answers as told. */
async function setUp(t: Test, answer: Answer, more = ''): Promise<Setting> {
  const upstream = await startTestUpstream(answer)
  const yaml = (keys: string[]): string => `
auth: {keys: {type: api-key}}
roles: ${roles}
keys:
${keys.join('\n')}
proxies:
  main: {auth: [keys], upstream: {url: "${upstream.url}"}}
${more}`
  const gateway = await startTestGateway(yaml(everybody), { watch: false })
  t.teardown(async () => {
    await upstream.close()
    await gateway.close()
  })
  return { gateway, upstream, url: `${gateway.url}/main/mcp`, yaml }
}

async function post(url: string, caller: Caller, body: unknown, headers: Record<string, string> = {}) {
  return fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      authorization: `Bearer ${secrets[caller]}`,
      ...headers,
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
}

t.test('a key gets no session of a deleted key of the same name', async t => {
  const { url, gateway, yaml } = await setUp(t, (arrival, response) =>
    json(response, { jsonrpc: '2.0', id: messageOf(arrival).id, result: {} }, 200, {
      'mcp-session-id': 'upstream-session',
    }),
  )
  const open = async (caller: Caller): Promise<string> =>
    (await post(url, caller, { jsonrpc: '2.0', id: 1, method: 'initialize', params: {} })).headers.get(
      'mcp-session-id',
    )!
  const ping = async (caller: Caller, session: string): Promise<number> =>
    (await post(url, caller, { jsonrpc: '2.0', id: 2, method: 'ping' }, { 'mcp-session-id': session })).status

  const session = await open('ann')
  t.equal(await ping('ann', session), 200)

  gateway.write(yaml([key('ann', 'all', secret('ann', '2999-01-01T00:00:00Z'), secret('annToo'))]))
  await gateway.reload()
  t.equal(await ping('annToo', session), 200, 'while the key is rotated')
  const during = await open('ann')
  t.equal(await ping('annToo', during), 200)

  gateway.write(yaml([key('ann', 'all', secret('annToo'))]))
  await gateway.reload()
  t.equal(await ping('annToo', session), 404, 'the secret that it was opened with is gone')
  t.equal(await ping('annToo', during), 200, 'opened while the secret that stays was there already')

  gateway.write(yaml([key('ann', 'all', secret('bob'))]))
  await gateway.reload()
  t.equal(await ping('bob', session), 404)
  t.equal(await ping('bob', during), 404, 'another key of the same name')
})
