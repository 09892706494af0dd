import { request as httpRequest } from 'node:http'
import t, { type Test } from 'tap'
import { hashSecret } from '../gateway/auth/api-key/key.ts'
import { startTestGateway } from './fixtures/gateway.ts'
import { event, json, messageOf, sse, startTestUpstream, type TestUpstream } from './fixtures/upstream.ts'

const key = 'canary-of-the-caller-0123456789abcdef0123456'
const envelope = '"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}'

type Headers = Record<string, string | string[]>

/** The answer to the caller, and whether the upstream was asked. */
interface Outcome {
  readonly status: number
  readonly body: string
  readonly headers: NodeJS.Dict<string | string[]>
  readonly asked: boolean
}

interface Setting {
  readonly upstream: TestUpstream
  /** Sets the tools that the upstream lists, and whether it lists them in events. */
  readonly listed: { tools: object[]; stream: boolean }
  /** Calls `get_rows` with the text of arguments. */
  call(args: string | undefined, headers?: Headers, more?: { tool?: string; era?: string }): Promise<Outcome>
  list(): Promise<Outcome>
}

async function setUp(t: Test): Promise<Setting> {
  const listed: Setting['listed'] = { tools: [], stream: false }
  const upstream = await startTestUpstream((arrival, response) => {
    const { id, method } = messageOf(arrival)
    const answer = { jsonrpc: '2.0', id, result: method === 'tools/list' ? { tools: listed.tools } : {} }
    if (method !== 'tools/list' || !listed.stream) return json(response, answer)
    sse(response)
    response.end(event(answer))
  })
  const gateway = await startTestGateway(
    `
auth: {keys: {type: api-key}}
roles: {all: {access: {main: {tools: {allow: ["*"]}, prompts: {allow: ["*"]}}}}}
keys: {ann: {roles: [all], secrets: [{hash: "${hashSecret(key)}"}]}}
proxies: {main: {auth: [keys], upstream: {url: "${upstream.url}"}}}
`,
    { watch: false },
  )
  t.teardown(async () => {
    await upstream.close()
    await gateway.close()
  })
  const post = (method: string, name: string | undefined, body: string, headers: Headers, modern: boolean) =>
    new Promise<Outcome>((resolve, reject) => {
      const before = upstream.arrivals.length
      const sent = httpRequest(`${gateway.url}/main/mcp`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${key}`,
          'content-type': 'application/json',
          ...(modern && { 'mcp-protocol-version': '2026-07-28', 'mcp-method': method }),
          ...(modern && name !== undefined && { 'mcp-name': name }),
          ...headers,
        },
      })
      sent.once('error', reject).once('response', async response => {
        let text = ''
        for await (const chunk of response.setEncoding('utf8')) text += chunk as string
        const asked = upstream.arrivals.length > before
        const last = asked ? upstream.arrivals.at(-1)!.headers : {}
        resolve({ status: response.statusCode!, body: text, headers: last, asked })
      })
      sent.end(body)
    })
  return {
    upstream,
    listed,
    call(args, headers = {}, { tool = 'get_rows', era = 'modern' } = {}) {
      const modern = era === 'modern'
      const params = [`"name":"${tool}"`, args && `"arguments":${args}`, modern && envelope]
      const body = `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{${params.filter(Boolean).join()}}}`
      return post('tools/call', tool, era === 'batch' ? `[${body}]` : body, headers, modern)
    },
    list: () =>
      post(
        'tools/list',
        undefined,
        `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{${envelope}}}`,
        {},
        true,
      ),
  }
}

const mismatch = { error: { code: -32020, data: { reason: 'header_mismatch' } } }

function refused(t: Test, { status, body, asked }: Outcome, name: string): void {
  t.equal(status, 400, `${name}: status`)
  t.match(JSON.parse(body), { id: 7, ...mismatch }, name)
  t.notOk(asked, `${name}: the upstream was asked`)
}

const base64 = (text: string | Buffer): string => `=?base64?${Buffer.from(text).toString('base64')}?=`

/** Arguments, headers, and whether they agree. */
const cases: Record<string, [args: string | undefined, headers: Headers, agree: boolean]> = {
  'another text': ['{"region":"eu"}', { 'Mcp-Param-Region': 'us' }, false],
  'the same text': ['{"region":"eu"}', { 'Mcp-Param-Region': 'eu' }, true],
  'another case in the value': ['{"region":"eu"}', { 'Mcp-Param-Region': 'EU' }, false],
  'another case in the name': ['{"REGION":"eu"}', { 'mcp-param-region': 'us' }, false],
  'a hyphen for an underscore': ['{"user_id":"a"}', { 'Mcp-Param-User-Id': 'b' }, false],
  'a hyphen for nothing': ['{"userId":"a"}', { 'Mcp-Param-User-Id': 'b' }, false],
  'an underscore in the header': ['{"user_id":"a"}', { 'Mcp-Param-User_Id': 'b' }, false],
  'a long s in the argument': ['{"uſer":"a"}', { 'Mcp-Param-User': 'b' }, false],
  'two arguments of one name apart from case': [
    '{"region":"eu","Region":"us"}',
    { 'Mcp-Param-Region': 'us' },
    false,
  ],
  'an argument that is written twice': ['{"region":"eu","region":"us"}', { 'Mcp-Param-Region': 'us' }, false],
  'an escaped name': ['{"\\u0072egion":"eu"}', { 'Mcp-Param-Region': 'us' }, false],
  'an escaped value': ['{"region":"\\u0065u"}', { 'Mcp-Param-Region': 'eu' }, true],
  'white space around the value': ['{"region":"eu"}', { 'Mcp-Param-Region': ' \teu\t ' }, true],
  'Base64 of the same': ['{"region":"zürich"}', { 'Mcp-Param-Region': base64('zürich') }, true],
  'Base64 of another': ['{"region":"eu"}', { 'Mcp-Param-Region': base64('us') }, false],
  'Base64 without padding': ['{"region":"eu"}', { 'Mcp-Param-Region': '=?base64?ZXU?=' }, false],
  'Base64 with other characters': ['{"region":"eu"}', { 'Mcp-Param-Region': '=?base64?ZX!U=?=' }, false],
  'Base64 of what is not UTF-8': [
    '{"region":"\\ufffd"}',
    { 'Mcp-Param-Region': base64(Buffer.of(0xff)) },
    false,
  ],
  'the prefix without the suffix': [
    '{"region":"=?base64?ZXU="}',
    { 'Mcp-Param-Region': '=?base64?ZXU=' },
    true,
  ],
  'the prefix in capitals': ['{"region":"eu"}', { 'Mcp-Param-Region': '=?BASE64?ZXU=?=' }, false],
  'bytes that two readers take for different characters': [
    '{"region":"Ã¼"}',
    { 'Mcp-Param-Region': 'Ã¼' },
    false,
  ],
  'an empty header': ['{"region":"eu"}', { 'Mcp-Param-Region': '' }, false],
  'an empty text': ['{"region":""}', { 'Mcp-Param-Region': '' }, true],
  'a text with a comma': ['{"region":"a, b"}', { 'Mcp-Param-Region': 'a, b' }, true],
  'a header sent twice': ['{"region":"eu"}', { 'Mcp-Param-Region': ['eu', 'us'] }, false],
  'a header sent twice, the same': ['{"region":"eu"}', { 'Mcp-Param-Region': ['eu', 'eu'] }, true],
  'an unknown header sent twice': ['{}', { 'Mcp-Param-Other': ['eu', 'us'] }, false],
  'a header sent twice with a hyphen and an underscore': [
    '{}',
    { 'Mcp-Param-A-B': 'a', 'Mcp-Param-A_B': 'b' },
    false,
  ],
  'the same integer': ['{"limit":42}', { 'Mcp-Param-Limit': '42' }, true],
  'the same integer with a fraction of zeros': ['{"limit":42}', { 'Mcp-Param-Limit': '42.0' }, true],
  'the same integer, in the body with a fraction': ['{"limit":42.0}', { 'Mcp-Param-Limit': '42' }, true],
  'another integer': ['{"limit":42}', { 'Mcp-Param-Limit': '43' }, false],
  'almost the same integer': ['{"limit":42}', { 'Mcp-Param-Limit': '42.00000000000000000001' }, false],
  'an octal integer': ['{"limit":42}', { 'Mcp-Param-Limit': '052' }, false],
  'a leading zero': ['{"limit":42}', { 'Mcp-Param-Limit': '042' }, false],
  'a hexadecimal integer': ['{"limit":42}', { 'Mcp-Param-Limit': '0x2a' }, false],
  'integers that are one double': [
    '{"limit":9007199254740993}',
    { 'Mcp-Param-Limit': '9007199254740992' },
    false,
  ],
  'a large integer as it is written': [
    '{"limit":9007199254740993}',
    { 'Mcp-Param-Limit': '9007199254740993' },
    true,
  ],
  'a negative integer': ['{"limit":-7}', { 'Mcp-Param-Limit': '-7' }, true],
  'an integer for a text': ['{"limit":"42"}', { 'Mcp-Param-Limit': '42.0' }, false],
  'the same boolean': ['{"dry":true}', { 'Mcp-Param-Dry': 'true' }, true],
  'another boolean': ['{"dry":true}', { 'Mcp-Param-Dry': 'false' }, false],
  'a boolean in capitals': ['{"dry":true}', { 'Mcp-Param-Dry': 'True' }, false],
  'a header beside null': ['{"region":null}', { 'Mcp-Param-Region': 'us' }, false],
  'an unknown header': ['{"region":"eu"}', { 'Mcp-Param-Other': 'us' }, true],
  'a header that belongs to nothing': ['{}', { 'Mcp-Param-Region': 'us' }, true],
  'a header without arguments': [undefined, { 'Mcp-Param-Region': 'us' }, true],
  'a name inside an argument': ['{"place":{"region":"eu"}}', { 'Mcp-Param-Region': 'us' }, true],
  'an object of that name': ['{"region":{"code":"eu"}}', { 'Mcp-Param-Region': 'us' }, true],
  'no header': ['{"region":"eu"}', {}, true],
}

t.test('an Mcp-Param header that contradicts the argument of its name is refused', async t => {
  const { call } = await setUp(t)
  for (const era of ['modern', 'legacy', 'batch']) {
    for (const [name, [args, headers, agree]] of Object.entries(cases)) {
      const outcome = await call(args, headers, { era })
      if (era === 'batch' && !agree) {
        t.match(JSON.parse(outcome.body), [{ id: 7, ...mismatch }], `${name}: ${era}`)
        t.notOk(outcome.asked)
      } else if (agree) t.match(outcome, { status: 200, asked: true }, `${name}: ${era}`)
      else refused(t, outcome, `${name}: ${era}`)
    }
  }
  const { headers } = await call('{"user_id":"a"}', { 'Mcp-Param-User_Id': 'a', 'Mcp-Param-Other': 'b' })
  t.match(headers, { 'mcp-param-user_id': 'a', 'mcp-param-other': 'b' }, 'forwarded unchanged')
})

const text = (header?: string) => ({
  type: 'string',
  ...(header !== undefined && { 'x-mcp-header': header }),
})
const tool = (name: string, properties: object) => ({ name, inputSchema: { type: 'object', properties } })

for (const stream of [false, true]) {
  t.test(`an annotation in a list assigns a header to an argument${stream ? ', in events' : ''}`, async t => {
    const setting = await setUp(t)
    const { call, list } = setting
    const nested = { place: { type: 'object', properties: { code: text('Region') } } }
    const annotated = '{"place":{"code":"eu"}}'
    t.match(await call(annotated, { 'Mcp-Param-Region': 'us' }), { status: 200 }, 'no annotation is known')
    Object.assign(setting.listed, {
      tools: [
        tool('get_rows', { ...nested, region: text(), limit: text('Max_Rows') }),
        tool('get_plain', { region: text() }),
        tool('get_odd', {
          region: { type: 'array', items: text('Region') },
          b: text('no token'),
          c: text(''),
        }),
      ],
      stream,
    })
    t.match(await list(), { status: 200 })

    for (const [name, args, headers, agree] of [
      ['another value', annotated, { 'Mcp-Param-Region': 'us' }, false],
      ['the same value', annotated, { 'mcp-param-REGION': 'eu' }, true],
      ['a missing header', annotated, {}, false],
      ['neither', '{"place":{}}', {}, true],
      ['null', '{"place":{"code":null}}', {}, true],
      ['no arguments at all', undefined, {}, true],
      ['a header without an argument', '{"place":{}}', { 'Mcp-Param-Region': 'us' }, false],
      ['a header without any argument', undefined, { 'Mcp-Param-Region': 'us' }, false],
      ['a header beside null', '{"place":{"code":null}}', { 'Mcp-Param-Region': 'us' }, false],
      ['an object', '{"place":{"code":{"a":"us"}}}', { 'Mcp-Param-Region': 'us' }, false],
      ['a list', '{"place":[{"code":"us"}]}', { 'Mcp-Param-Region': 'us' }, false],
      ['a path that is no object', '{"place":"us"}', { 'Mcp-Param-Region': 'us' }, false],
      ['a repeated argument', '{"place":{"code":"eu","code":"us"}}', { 'Mcp-Param-Region': 'us' }, false],
      [
        'two paths that differ in case',
        '{"place":{"code":"us"},"Place":{"code":"eu"}}',
        { 'Mcp-Param-Region': 'us' },
        false,
      ],
      [
        'the argument of that name',
        '{"place":{"code":"eu"},"region":"us"}',
        { 'Mcp-Param-Region': 'eu' },
        true,
      ],
      ['an underscore', '{"limit":"5"}', { 'Mcp-Param-Max_Rows': '5' }, true],
      ['another, with an underscore', '{"limit":"5"}', { 'Mcp-Param-Max_Rows': '6' }, false],
      ['a hyphen for an underscore', '{"limit":"5"}', { 'Mcp-Param-Max-Rows': '5' }, false],
      ['inherited names', '{"__proto__":{"code":"us"}}', { 'Mcp-Param-Region': 'us' }, false],
    ] as const) {
      const outcome = await call(args, headers)
      if (agree) t.match(outcome, { status: 200, asked: true }, name)
      else refused(t, outcome, name)
    }
    t.match(
      await call(annotated, {}, { era: 'legacy' }),
      { status: 200 },
      'the legacy era has no such headers',
    )
    refused(t, await call(annotated, { 'Mcp-Param-Region': 'us' }, { era: 'legacy' }), 'in the legacy era')
    t.match(await call('{"region":["eu"]}', {}, { tool: 'get_odd' }), { status: 200 }, 'not along properties')
    t.match(await call('{"region":"eu"}', {}, { tool: 'get_plain' }), { status: 200 }, 'not annotated')

    setting.listed.tools = [tool('get_rows', { place: nested.place, limit: text() })]
    await list()
    t.match(await call('{"limit":"5"}'), { status: 200 }, 'an annotation that is gone')
    setting.listed.tools = [tool('get_rows', { place: { type: 'object' } })]
    await list()
    t.match(
      await call(annotated, { 'Mcp-Param-Region': 'us' }),
      { status: 200 },
      'a tool without annotations',
    )
  })
}
