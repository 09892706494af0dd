import fc from 'fast-check'
import t from 'tap'
import { agreedEra } from '../gateway/mcp/era.ts'
import { Refusal } from '../gateway/mcp/errors.ts'
import { elements, members, nesting } from '../gateway/mcp/json.ts'
import { filterLists, UnreadableList } from '../gateway/mcp/lists.ts'
import { readMessages, type Message } from '../gateway/mcp/message.ts'
import { ByteStore } from '../gateway/lib/byte-store.ts'
import { memoize } from '../gateway/lib/memoize.ts'
import { createEventSplitter, EventPart } from '../gateway/http/relay/sse.ts'
import { operationsOf } from '../gateway/mcp/operation.ts'
import { createSeals } from '../gateway/mcp/handles/seal.ts'

function refusal(act: () => unknown): Refusal {
  try {
    act()
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
  throw new Error('was not refused')
}

const read = (text: string | Buffer, batch = false): Message[] =>
  readMessages(Buffer.from(text), batch).messages
const meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' }

t.test('JSON text is read by position exactly as JSON.parse reads it', async t => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 6 }), fc.nat(3), (text, space) => {
      const spaced = JSON.stringify(JSON.parse(text), null, space)
      const value: unknown = JSON.parse(spaced)
      if (Array.isArray(value)) {
        return (
          JSON.stringify(
            elements(spaced).map(({ start, end }) => JSON.parse(spaced.slice(start, end)) as unknown),
          ) === JSON.stringify(value)
        )
      }
      if (typeof value !== 'object' || value === null) return members(spaced).length === 0
      const found = members(spaced).map(({ name, start, end }) => [
        name,
        JSON.parse(spaced.slice(start, end)),
      ])
      return (
        JSON.stringify(found) === JSON.stringify(Object.entries(JSON.parse(spaced) as object)) ||
        // Integer-like names come first in an object, but not in the text.
        JSON.stringify(Object.fromEntries(found)) === JSON.stringify(value)
      )
    }),
    { numRuns: 500 },
  )
  t.equal(nesting('{"a":[{"b":"}]"}]}'), 3)
  t.equal(nesting('"[[[["'), 0)
  t.equal(nesting(String.raw`["\\","[\"["]`), 1)
})

t.test('valid messages are read', async t => {
  t.match(read('{"jsonrpc":"2.0","id":1,"method":"ping"}'), [{ kind: 'request', id: '1', method: 'ping' }])
  t.match(read('{"jsonrpc":"2.0","method":"notifications/initialized","params":{}}'), [
    { kind: 'notification' },
  ])
  t.match(read('{"jsonrpc":"2.0","id":"a","result":{}}'), [{ kind: 'response', id: '"a"' }])
  t.match(read('{"jsonrpc":"2.0","id":9007199254740993,"method":"x"}'), [{ id: '9007199254740993' }])
  t.match(read(String.raw`{"jsonrpc":"2.0","id":"\u0041","method":"x"}`), [{ id: String.raw`"\u0041"` }])
  t.match(
    read(
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":{"Name":1,"name":2,"name":3}}}',
    ),
    [{ kind: 'request' }],
  )
  t.equal(read('[{"jsonrpc":"2.0","id":1,"method":"a"},{"jsonrpc":"2.0","method":"b"}]', true).length, 2)
})

t.test('null counts as absent', t => {
  const cases: [text: string, kind: string][] = [
    ['"method":"a","params":null', 'request'],
    ['"method":"a","params":{"_meta":null}', 'request'],
    ['"method":"a","result":null,"error":null', 'request'],
    ['"result":{},"error":null', 'response'],
    ['"result":null,"error":{}', 'response'],
    ['"result":null', 'response'],
  ]
  for (const [text, kind] of cases)
    t.match(read(`{"jsonrpc":"2.0","id":1,${text}}`), [{ kind, id: '1' }], text)
  t.end()
})

const refused: [name: string, text: string | Buffer, reason: string, id?: string][] = [
  ['nothing', '', 'json_malformed'],
  ['half an object', '{"jsonrpc":"2.0"', 'json_malformed'],
  ['a byte order mark', '\ufeff{"jsonrpc":"2.0","id":1,"method":"a"}', 'json_malformed'],
  ['a trailing comma', '{"jsonrpc":"2.0","id":1,"method":"a",}', 'json_malformed'],
  [
    'two messages',
    '{"jsonrpc":"2.0","id":1,"method":"a"}{"jsonrpc":"2.0","id":2,"method":"b"}',
    'json_malformed',
  ],
  ['NaN as an id', '{"jsonrpc":"2.0","id":NaN,"method":"a"}', 'json_malformed'],
  ['invalid UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), 'json_malformed'],
  ['an overlong UTF-8 form', Buffer.from([0x22, 0xc0, 0xae, 0x22]), 'json_malformed'],
  ['a surrogate in UTF-8', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), 'json_malformed'],
  ['a scalar', '"x"', 'message_invalid'],
  ['null', 'null', 'message_invalid'],
  ['a batch', '[{"jsonrpc":"2.0","id":1,"method":"a"}]', 'message_invalid'],
  ['65 levels', `${'['.repeat(65)}${']'.repeat(65)}`, 'message_invalid'],
  ['100,000 levels', '['.repeat(100_000), 'message_invalid'],
  ['no jsonrpc', '{"id":1,"method":"a"}', 'message_invalid', '1'],
  ['jsonrpc 1.0', '{"jsonrpc":"1.0","id":1,"method":"a"}', 'message_invalid', '1'],
  ['jsonrpc as a number', '{"jsonrpc":2.0,"id":1,"method":"a"}', 'message_invalid', '1'],
  ['a null id', '{"jsonrpc":"2.0","id":null,"method":"a"}', 'message_invalid'],
  ['an object as id', '{"jsonrpc":"2.0","id":{},"method":"a"}', 'message_invalid'],
  ['a boolean id', '{"jsonrpc":"2.0","id":true,"method":"a"}', 'message_invalid'],
  ['an id of 2000 digits', `{"jsonrpc":"2.0","id":${'1'.repeat(2000)},"method":"a"}`, 'message_invalid'],
  [
    'an id of 2000 characters',
    `{"jsonrpc":"2.0","id":"${'1'.repeat(2000)}","method":"a"}`,
    'message_invalid',
  ],
  ['a method that is a number', '{"jsonrpc":"2.0","id":1,"method":1}', 'message_invalid', '1'],
  ['an empty method', '{"jsonrpc":"2.0","id":1,"method":""}', 'message_invalid', '1'],
  ['params that are an array', '{"jsonrpc":"2.0","id":1,"method":"a","params":[]}', 'message_invalid', '1'],
  ['no method and no result', '{"jsonrpc":"2.0","id":1}', 'message_invalid', '1'],
  ['a result and an error', '{"jsonrpc":"2.0","id":1,"result":{},"error":{}}', 'message_invalid'],
  ['neither a result nor an error', '{"jsonrpc":"2.0","id":1,"error":null}', 'message_invalid', '1'],
  ['a method and a result', '{"jsonrpc":"2.0","id":1,"method":"a","result":{}}', 'message_invalid', '1'],
  ['a response without id', '{"jsonrpc":"2.0","result":{}}', 'message_invalid'],
  ['two ids', '{"jsonrpc":"2.0","id":1,"id":2,"method":"a"}', 'message_invalid'],
  ['two methods', '{"jsonrpc":"2.0","id":1,"method":"a","method":"b"}', 'message_invalid', '1'],
  [
    'two methods, one escaped',
    String.raw`{"jsonrpc":"2.0","id":1,"method":"a","m\u0065thod":"b"}`,
    'message_invalid',
    '1',
  ],
  ['a method in another case', '{"jsonrpc":"2.0","id":1,"method":"a","Method":"b"}', 'message_invalid', '1'],
  [
    'a method that ends at a NUL',
    '{"jsonrpc":"2.0","id":1,"method":"a","method\\u0000x":"b"}',
    'message_invalid',
    '1',
  ],
  ['only a method in another case', '{"jsonrpc":"2.0","id":1,"METHOD":"b"}', 'message_invalid', '1'],
  [
    'a method with a dotless i in its id',
    '{"jsonrpc":"2.0","\u0131d":1,"id":1,"method":"a"}',
    'message_invalid',
    '1',
  ],
  ['params with a long s', '{"jsonrpc":"2.0","id":1,"method":"a","param\u017f":{}}', 'message_invalid', '1'],
  ['an id with a dotted I', '{"jsonrpc":"2.0","Id":1,"id":1,"method":"a"}', 'message_invalid', '1'],
  ['two params', '{"jsonrpc":"2.0","id":1,"method":"a","params":{},"params":{}}', 'message_invalid', '1'],
  [
    'two names',
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","name":"b"}}',
    'message_invalid',
    '1',
  ],
  ...['null', '[1,{}]', '"x"', '{}', '{"a":{"name":["}"]}, "b":1 }'].map(
    (inner): (typeof refused)[number] => [
      `two names behind a _meta that is ${inner}`,
      `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":${inner},"name":"a","name":"b"}}`,
      'message_invalid',
      '1',
    ],
  ),
  [
    'a name in another case',
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","NAME":"b"}}',
    'message_invalid',
    '1',
  ],
  [
    'two arguments',
    '{"jsonrpc":"2.0","id":1,"method":"a","params":{"arguments":{},"arguments":{}}}',
    'message_invalid',
    '1',
  ],
  [
    'arguments with a long s',
    '{"jsonrpc":"2.0","id":1,"method":"a","params":{"argument\u017f":{}}}',
    'message_invalid',
    '1',
  ],
  [
    'two uris',
    '{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"a","uri":"b"}}',
    'message_invalid',
    '1',
  ],
  [
    'two _meta',
    '{"jsonrpc":"2.0","id":1,"method":"a","params":{"_meta":{},"_meta":{}}}',
    'message_invalid',
    '1',
  ],
  [
    'two versions',
    '{"jsonrpc":"2.0","id":1,"method":"a","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"a","io.modelcontextprotocol/protocolVersion":"b"}}}',
    'message_invalid',
    '1',
  ],
  [
    'two names in a reference',
    '{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"a","name":"b"}}}',
    'message_invalid',
    '1',
  ],
  [
    'two subscription lists',
    '{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{"resourceSubscriptions":[],"resourceSubscriptions":["a"]}}}',
    'message_invalid',
    '1',
  ],
]

t.test('a message that two parsers could read differently is refused', async t => {
  for (const [name, text, reason, id] of refused) {
    t.test(name, async t => {
      const found = refusal(() => read(text))
      t.equal(found.reason, reason)
      t.equal(found.id, id)
    })
  }
  t.equal(refusal(() => read('[]', true)).reason, 'message_invalid')
  t.equal(refusal(() => read(`[${'{},'.repeat(100)}{}]`, true)).reason, 'message_invalid')
  t.equal(refusal(() => read('[1]', true)).reason, 'message_invalid')
})

t.test('random bytes are read or refused, and never throw anything else', async () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
      try {
        read(Buffer.from(bytes), true)
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
      }
    }),
    { numRuns: 1000 },
  )
})

type Headers = Record<string, string>
const request = (method: string, params: object = {}): Message => ({
  kind: 'request',
  id: '7',
  method,
  params: params as Record<string, unknown>,
})
const modern = (method: string, params: object = {}): Message => request(method, { ...params, _meta: meta })
const headers = (method: string, more: Headers = {}): Headers => ({
  'mcp-protocol-version': '2026-07-28',
  'mcp-method': method,
  ...more,
})
const base64 = (text: string): string => `=?base64?${Buffer.from(text).toString('base64')}?=`

t.test('the body decides the era, and headers must agree with it', async t => {
  const accepted: [string, Message, Headers, string][] = [
    ['legacy without headers', request('tools/list'), {}, 'legacy'],
    ['legacy with its version', request('tools/list'), { 'mcp-protocol-version': '2025-06-18' }, 'legacy'],
    ['initialize', request('initialize', { protocolVersion: '2026-07-28' }), {}, 'legacy'],
    ['modern list', modern('tools/list'), headers('tools/list'), 'modern'],
    [
      'modern call',
      modern('tools/call', { name: 'x' }),
      headers('tools/call', { 'mcp-name': 'x' }),
      'modern',
    ],
    [
      'an encoded name',
      modern('tools/call', { name: 'grüß' }),
      headers('tools/call', { 'mcp-name': base64('grüß') }),
      'modern',
    ],
    [
      'half a sentinel is literal',
      modern('tools/call', { name: '=?base64?x' }),
      headers('tools/call', { 'mcp-name': '=?base64?x' }),
      'modern',
    ],
    [
      'a resource',
      modern('resources/read', { uri: 'a://b' }),
      headers('resources/read', { 'mcp-name': 'a://b' }),
      'modern',
    ],
    [
      'modern notification',
      { kind: 'notification', id: undefined, method: 'notifications/x', params: {} },
      { 'mcp-protocol-version': '2026-07-28' },
      'modern',
    ],
    [
      'legacy response',
      { kind: 'response', id: '1', method: undefined, params: undefined },
      { 'mcp-protocol-version': '2025-11-25' },
      'legacy',
    ],
  ]
  for (const [name, message, sent, era] of accepted) t.equal(agreedEra(message, sent), era, name)

  const rejected: [string, Message, Headers, string][] = [
    ['no version header', modern('tools/list'), { 'mcp-method': 'tools/list' }, 'header_mismatch'],
    [
      'another version header',
      modern('tools/list'),
      headers('tools/list', { 'mcp-protocol-version': '2025-11-25' }),
      'header_mismatch',
    ],
    [
      'two version headers',
      modern('tools/list'),
      headers('tools/list', { 'mcp-protocol-version': '2026-07-28, 2026-07-28' }),
      'header_mismatch',
    ],
    ['initialize with a modern header', request('initialize'), headers('initialize'), 'header_mismatch'],
    ['no _meta', request('tools/list'), headers('tools/list'), 'params_invalid'],
    [
      'a version that is not a string',
      request('tools/list', { _meta: { 'io.modelcontextprotocol/protocolVersion': 1 } }),
      headers('tools/list'),
      'params_invalid',
    ],
    ['no method header', modern('tools/list'), { 'mcp-protocol-version': '2026-07-28' }, 'header_mismatch'],
    ['another method header', modern('tools/list'), headers('tools/call'), 'header_mismatch'],
    ['the method in another case', modern('tools/list'), headers('TOOLS/LIST'), 'header_mismatch'],
    ['no name header', modern('tools/call', { name: 'x' }), headers('tools/call'), 'header_mismatch'],
    [
      'another name header',
      modern('tools/call', { name: 'x' }),
      headers('tools/call', { 'mcp-name': 'y' }),
      'header_mismatch',
    ],
    [
      'malformed base64',
      modern('tools/call', { name: 'x' }),
      headers('tools/call', { 'mcp-name': '=?base64?!!?=' }),
      'header_mismatch',
    ],
    [
      'another uri header',
      modern('resources/read', { uri: 'a://b' }),
      headers('resources/read', { 'mcp-name': 'a://c' }),
      'header_mismatch',
    ],
    [
      'a legacy call with a false name header',
      request('tools/call', { name: 'x' }),
      { 'mcp-name': 'y' },
      'header_mismatch',
    ],
    [
      'a legacy call with a false method header',
      request('tools/call', { name: 'x' }),
      { 'mcp-method': 'ping' },
      'header_mismatch',
    ],
    [
      'an unknown version',
      request('tools/list', { _meta: { 'io.modelcontextprotocol/protocolVersion': '2099-01-01' } }),
      headers('tools/list', { 'mcp-protocol-version': '2099-01-01' }),
      'version_unsupported',
    ],
    [
      'an unknown legacy version',
      request('tools/list'),
      { 'mcp-protocol-version': '1.0' },
      'version_unsupported',
    ],
    [
      'a modern response',
      { kind: 'response', id: '1', method: undefined, params: undefined },
      { 'mcp-protocol-version': '2026-07-28' },
      'message_invalid',
    ],
  ]
  for (const [name, message, sent, reason] of rejected)
    t.equal(refusal(() => agreedEra(message, sent)).reason, reason, name)
  const unsupported = refusal(() => agreedEra(...(rejected[15]!.slice(1, 3) as [Message, Headers])))
  t.match(unsupported.data, { requested: '2099-01-01', supported: ['2026-07-28'] })
})

t.test('an operation has the name that the message carries', async t => {
  const named: [Message, object[]][] = [
    [request('tools/call', { name: 'a' }), [{ kind: 'tool', name: 'a' }]],
    [request('prompts/get', { name: 'a' }), [{ kind: 'prompt', name: 'a' }]],
    [request('resources/read', { uri: 'a' }), [{ kind: 'resource', name: 'a' }]],
    [request('resources/subscribe', { uri: 'a' }), [{ kind: 'resource', name: 'a' }]],
    [request('resources/unsubscribe', { uri: 'a' }), [{ kind: 'resource', name: 'a' }]],
    [
      request('completion/complete', { ref: { type: 'ref/prompt', name: 'a' } }),
      [{ kind: 'prompt', name: 'a' }],
    ],
    [
      request('completion/complete', { ref: { type: 'ref/resource', uri: 'a' } }),
      [{ kind: 'resource', name: 'a' }],
    ],
    [
      request('subscriptions/listen', { notifications: { resourceSubscriptions: ['a', 'b'] } }),
      [
        { kind: 'resource', name: 'a' },
        { kind: 'resource', name: 'b' },
      ],
    ],
    [request('subscriptions/listen', { notifications: {} }), [{ kind: 'other' }]],
    [request('tools/some-day', { name: 'a' }), [{ kind: 'tool', name: 'a' }]],
    [request('tools/list', { name: 'a' }), [{ kind: 'other' }]],
    [request('ping'), [{ kind: 'other' }]],
    [request('constructor'), [{ kind: 'other' }]],
  ]
  for (const [message, operations] of named) t.match(operationsOf(message), operations, message.method ?? '')
  const nameless = [
    request('tools/call'),
    request('tools/call', { name: '' }),
    request('tools/call', { name: ['a'] }),
    request('tools/call', { name: '\ud800' }),
    request('resources/read', { name: 'a' }),
    request('resources/subscribe', { uri: null }),
    request('resources/subscribe'),
    request('completion/complete', { ref: { type: 'ref/other' } }),
    request('completion/complete'),
    request('subscriptions/listen', { notifications: { resourceSubscriptions: [1] } }),
    request('subscriptions/listen', { notifications: { resourceSubscriptions: 'a' } }),
  ]
  for (const message of nameless)
    t.equal(refusal(() => operationsOf(message)).reason, 'params_invalid', JSON.stringify(message))
})

t.test('a call or a list without an id is refused, however it is spelled', async t => {
  const methods = [
    'tools/call',
    'tools/list',
    'prompts/get',
    'resources/read',
    'resources/templates/list',
    'completion/complete',
  ]
  for (const method of methods) {
    const message: Message = { kind: 'notification', id: undefined, method, params: { name: 'a', uri: 'a' } }
    t.equal(refusal(() => operationsOf(message)).reason, 'message_invalid', method)
  }
  for (const method of ['TOOLS/CALL', 'tools/call ', ' tools/list', 'Tools/List', 'tool\u017f/list']) {
    t.equal(refusal(() => operationsOf(request(method, { name: 'a' }))).reason, 'message_invalid', method)
  }
})

t.test('events are split the same, wherever their bytes are', async t => {
  const texts = [
    'id: 1\r\ndata: a\r\ndata: b\r\n\r\nid: 2\r\ndata: c\r\n\r\n',
    'id: 1\ndata: a\ndata: b\n\nid: 2\ndata: c\n\n',
    'id: 1\rdata: a\rdata: b\r\rid: 2\rdata: c\r\r',
    '\ufeffid: 1\r\ndata: a\ndata: b\r\n\nid: 2\rdata: c\n\r\n',
  ]
  const lines = (events: (Buffer | EventPart)[]): string[] =>
    events.map(event => String(event).trim().replaceAll(/\r\n?/g, '\n'))
  for (const text of texts) {
    const bytes = Buffer.from(text)
    for (let first = 0; first <= bytes.length; first++) {
      for (let second = first; second <= bytes.length; second += 3) {
        const split = createEventSplitter(1000)
        const chunks = [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)]
        const found = lines(chunks.flatMap(chunk => split(chunk)))
        if (found.join('|') !== 'id: 1\ndata: a\ndata: b|id: 2\ndata: c') {
          t.same(found, ['id: 1\ndata: a\ndata: b', 'id: 2\ndata: c'], JSON.stringify([text, first, second]))
        }
      }
    }
  }

  const text = '\ufeffdata: 1234567890\r\n\r\ndata: x\n\n'
  const bytes = Buffer.from(text)
  for (let cut = 0; cut <= bytes.length; cut++) {
    const split = createEventSplitter(10)
    const found = [...split(bytes.subarray(0, cut)), ...split(bytes.subarray(cut))]
    const last = found.pop()
    t.equal(String(last), 'data: x\n\n', `${cut}: a short event is whole`)
    t.ok(
      found.every((part, index) => part instanceof EventPart && part.isLast === (index === found.length - 1)),
      `${cut}: a long one comes in parts`,
    )
    const whole = Buffer.concat(found.map(part => (part as EventPart).bytes)).toString()
    t.match(whole, /^data: 1234567890\r\n\r\n?$/)
  }
})

t.test('a chunk of one byte takes one byte', async t => {
  const store = new ByteStore(200_000)
  for (let index = 0; index < 200_000; index++) store.append(Buffer.from([index % 256]))
  t.equal(store.bytes().length, 200_000)
  t.equal(store.bytes()[255], 255)
  t.ok(store.bytes().buffer.byteLength <= 2 * 200_000)
  t.notOk(store.append(Buffer.from([0])), 'the limit holds')
})

t.test('chunks of every size are joined in order', async t => {
  for (const sizes of [
    [5000, 5000],
    [5000, 10],
    [10, 5000],
    [0, 10],
    [10, 0, 5000, 20_000],
  ]) {
    const store = new ByteStore(100_000)
    const chunks = sizes.map((size, index) => Buffer.from(String(index).repeat(size)))
    const whole = Buffer.concat(chunks)
    for (const chunk of chunks) t.ok(store.append(chunk))
    t.ok(store.bytes().equals(whole), sizes.join())
  }
})

t.test('a chunk does not keep the large buffer that it is part of', async t => {
  const store = new ByteStore(200_000)
  store.append(Buffer.alloc(100_000).subarray(0, 10))
  t.ok(store.bytes().buffer.byteLength < 100_000)
  const own = Buffer.from(new ArrayBuffer(10))
  store.clear()
  store.append(own)
  t.equal(store.bytes(), own, 'a chunk with its own buffer is not copied')
})

t.test('memoized texts are dropped when there are too many', async t => {
  const judged: string[] = []
  const judge = memoize(text => judged.push(text))
  const long = 'x'.repeat(129)
  for (const text of ['a', 'a', long, long]) judge(text)
  t.same(judged, ['a', long, long])
  for (let index = 0; index < 256; index++) judge(String(index))
  judge('a')
  t.equal(judged.at(-1), 'a')
})

t.test('filtered lists keep their bytes', async t => {
  const onlyGet = ({ name }: { name?: string | undefined }): boolean => name?.startsWith('get_') === true
  const expected = new Map([['1', 'tools' as const]])
  const filter = (text: string): string => filterLists(text, onlyGet, expected)

  t.equal(
    filter(
      '{"result":{"tools":[ {"name":"get_a","x":1.0e2} , {"name":"del_b"},{"name":"get_c","id":9007199254740993}], "big":12345678901234567890},"id":1}',
    ),
    '{"result":{"tools":[{"name":"get_a","x":1.0e2},{"name":"get_c","id":9007199254740993}], "big":12345678901234567890},"id":1}',
  )
  t.equal(filter('{"id":1,"result":{"tools":[]}}'), '{"id":1,"result":{"tools":[]}}')
  t.equal(filter('{"id":1,"error":{"code":1,"message":""}}'), '{"id":1,"error":{"code":1,"message":""}}')
  t.equal(
    filter('{"method":"notifications/progress","params":{"tools":3}}'),
    '{"method":"notifications/progress","params":{"tools":3}}',
  )
  t.equal(
    filter('{"id":1,"result":{"cacheScope":"public","tools":[{"name":"del_a"}]}}'),
    '{"id":1,"result":{"cacheScope":"private","tools":[]}}',
  )
  t.equal(
    filter('{"id":1,"result":{"resultType":"complete","tools":[]}}'),
    '{"id":1,"result":{"cacheScope":"private","resultType":"complete","tools":[]}}',
  )
  t.equal(
    filter('[{"id":2,"result":{}},{"id":1,"result":{"tools":[{"name":"x"}]}}]'),
    '[{"id":2,"result":{}},{"id":1,"result":{"tools":[]}}]',
  )
  t.equal(
    filter('{"id":5,"result":{"resources":[{"uri":"get_x"},{"uri":"y"}]}}'),
    '{"id":5,"result":{"resources":[{"uri":"get_x"}]}}',
  )
  t.equal(
    filter('{"id":5,"result":{"resourceTemplates":[{"uriTemplate":"y"}]}}'),
    '{"id":5,"result":{"resourceTemplates":[]}}',
  )

  for (const unreadable of [
    '{"id":1,"result":{"tools":[{"name":"get_a"}]',
    '{"id":1,"result":{}}',
    '{"id":1,"result":[]}',
    '{"id":1,"result":{"tools":{}}}',
    '{"id":1,"result":{"tools":null}}',
    '{"id":1,"result":{"tools":[{"title":"x"}]}}',
    '{"id":1,"result":{"tools":[{"name":1}]}}',
    '{"id":1,"result":{"tools":["get_a"]}}',
    '{"id":1,"result":{"tools":[],"tools":[{"name":"del"}]}}',
    '{"id":1,"result":{"tools":[],"Tools":[{"name":"del"}]}}',
    '{"id":1,"result":{"tools":[],"tools\\u0000x":[{"name":"del"}]}}',
    '{"id":1,"result":{"tools":[{"name":"get","name\\u0000":"del"}]}}',
    '{"id":1,"result":{"tools":[{"name":"get_a","name":"del"}]}}',
    '{"id":1,"result":{"tools":[{"name":"get_a","NAME":"del"}]}}',
    '{"id":1,"result":{"tools":[]},"result":{"tools":[{"name":"del"}]}}',
    '{"id":9,"result":{"Tools":[{"name":"del"}]}}',
    '{"id":9,"Result":{"tools":[{"name":"del"}]}}',
    '{"id":1.0,"result":{}}',
  ]) {
    t.throws(() => filter(unreadable), UnreadableList, unreadable)
  }

  fc.assert(
    fc.property(fc.array(fc.record({ name: fc.string(), more: fc.json() })), fc.nat(3), (tools, space) => {
      const text = JSON.stringify({ result: { tools, x: 'y' }, id: 1 }, null, space)
      const kept = JSON.parse(filterLists(text, ({ name }) => name!.length > 3, expected)) as {
        result: { tools: unknown }
      }
      return JSON.stringify(kept.result.tools) === JSON.stringify(tools.filter(({ name }) => name.length > 3))
    }),
  )
})

t.test('a handle opens only for its owner, proxy and operation', async t => {
  const seals = createSeals('a'.repeat(32))
  const owner = { identities: ['key:a:2', 'key:a:1'], proxy: 'mock' }
  const handle = seals.seal('session', 's.1', owner)
  t.match(handle, /^[\x21-\x7e]+$/)
  t.equal(seals.seal('session', 's.1', owner), handle, 'the same handle every time')
  t.equal(seals.open('session', handle, owner), 's.1')
  for (const [about, opened] of [
    ['another principal', seals.open('session', handle, { ...owner, identities: ['key:b:2'] })],
    ['no principal', seals.open('session', handle, { ...owner, identities: [] })],
    ['the key without the secret', seals.open('session', handle, { ...owner, identities: ['key:a:1'] })],
    ['another proxy', seals.open('session', handle, { ...owner, proxy: 'other' })],
    ['another kind', seals.open('task', handle, owner)],
    ['about something', seals.open('session', handle, owner, 'tools/call')],
    ['never sealed', seals.open('session', 's.1', owner)],
    ['empty', seals.open('session', '', owner)],
    ['one character more', seals.open('session', `${handle}x`, owner)],
    ['another secret', createSeals('b'.repeat(32)).open('session', handle, owner)],
  ] as const) {
    t.equal(opened, undefined, about)
  }
  const older = seals.seal('session', 's.1', { ...owner, identities: ['key:a:1'] })
  t.equal(seals.open('session', older, owner), 's.1', 'sealed under an older secret that the key still has')
})
