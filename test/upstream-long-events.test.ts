import t, { type Test } from 'tap'
import { hashSecret } from '../gateway/auth/api-key/key.ts'
import { startTestGateway } from './fixtures/gateway.ts'
import { event, sse, startTestUpstream } from './fixtures/upstream.ts'

const reader = 'canary-of-the-long-reader-0123456789abcdef01'
const tools = [{ name: 'get_a' }, { name: 'delete_b' }]
const mebibyte = 1024 * 1024

/** Starts a gateway in front of an upstream that answers with the result that the path names. Returns what GET reads. */
async function setUpLong(t: Test): Promise<(name: string, isFiltered: boolean) => Promise<string>> {
  const line = `${'x'.repeat(60)}"\\\n\u2028`
  const text = (size: number): string => line.repeat(size / line.length)
  const result = (size: number): object => ({ content: [{ type: 'text', text: text(size) }] })
  const results: Record<string, object> = {
    five: result(5 * mebibyte),
    twenty: result(20 * mebibyte),
    list: { ...result(9 * mebibyte), tools },
    'early-list': { tools, ...result(9 * mebibyte) },
    'other-case': { ...result(9 * mebibyte), Tools: tools },
    escaped: { ...result(9 * mebibyte), '\u0000tools': tools },
  }
  const upstream = await startTestUpstream((arrival, response) => {
    sse(response)
    const message = { jsonrpc: '2.0', id: 1, result: results[arrival.url.slice(1)]! }
    response.end(event(message, 'e1').replace('\\u0000tools', '\\u0074ools'))
  })
  const proxies = Object.keys(results).flatMap(name => {
    const url = new URL(`/${name}`, upstream.url)
    return [
      `  ${name}: {auth: [keys], upstream: {url: "${url}"}}`,
      `  open-${name}: {auth: none, methods: {allow: ["*"]}, upstream: {url: "${url}"}}`,
    ]
  })
  const gateway = await startTestGateway(`
auth: {keys: {type: api-key}}
roles: {reader: {access: {"*": {tools: {allow: ["get_*"]}}}}}
keys: {reader: {roles: [reader], secrets: [{hash: "${hashSecret(reader)}"}]}}
proxies:
${proxies.join('\n')}
`)
  t.teardown(async () => {
    await upstream.close()
    await gateway.close()
  })
  return async (name, isFiltered) => {
    const accept = { accept: 'text/event-stream', 'last-event-id': 'e0' }
    const headers = isFiltered ? { ...accept, authorization: `Bearer ${reader}` } : accept
    const response = await fetch(`${gateway.url}/${isFiltered ? '' : 'open-'}${name}/mcp`, { headers })
    return response.text().catch(() => 'cut')
  }
}

t.test('a result of 20 MiB passes on a resumed stream, also if lists are filtered', async t => {
  const resume = await setUpLong(t)
  for (const isFiltered of [true, false])
    for (const [name, size] of [
      ['five', 5],
      ['twenty', 20],
    ] as const) {
      const text = await resume(name, isFiltered)
      const data =
        text
          .split('\n')
          .find(line => line.startsWith('data: '))
          ?.slice(6) ?? '{}'
      const { result } = JSON.parse(data) as { result?: { content: { text: string }[] } }
      t.ok((result?.content[0]!.text.length ?? 0) > (size - 0.1) * mebibyte, `${name} ${isFiltered}`)
      t.match(text.slice(0, 100), /^id: e1$/m)
      if (isFiltered) t.notMatch(text, '\u2028')
    }
})

t.test('a list in an event over 8 MiB does not pass unfiltered', async t => {
  const resume = await setUpLong(t)
  for (const name of ['list', 'early-list', 'other-case', 'escaped'])
    t.notMatch(await resume(name, true), /delete_b/, name)
  t.match(await resume('list', false), 'delete_b')
})
