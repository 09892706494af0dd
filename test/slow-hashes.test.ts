import crypto from 'node:crypto'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { parseAnswer } from './fixtures/answer.ts'
import { verifyArgon2 } from '../gateway/auth/api-key/argon2.ts'
import { createFailures } from '../gateway/auth/api-key/failures.ts'
import { hashSecret, newSecret } from '../gateway/auth/api-key/key.ts'
import { isWeak, parseArgon2, writeArgon2 } from '../gateway/values/argon2.ts'
import { loadText, oneProxy } from './fixtures/configuration.ts'
import { startTestGateway, type TestGateway } from './fixtures/gateway.ts'
import { folderWith, config as keysConfig, run } from './fixtures/keys.ts'
import { call, follow, type Answered } from './fixtures/secure.ts'
import { until } from './fixtures/until.ts'
import { answerOrStream, startTestUpstream } from './fixtures/upstream.ts'

/** Hashes by libargon2, the reference implementation; the last is the example in the argon2-cffi manual. */
const vectors: Record<string, string> = {
  grüße: '$argon2id$v=19$m=32,t=1,p=2$c2FsdHNhbHQ$Vv1/jbc+S5QVUqe1kHiWpUyxisOwU6v+',
  x: '$argon2id$v=19$m=8,t=3,p=1$MTIzNDU2Nzg$CKCxVFGdRvAi/RFk9z2VAw',
  'correct horse':
    '$argon2id$v=19$m=64,t=1,p=4$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw$1+tu91vCynzRHj/HOB6tAOrIHxL8+RJ/iH5jxvf9baYDXvoOy9/S9b54CgJmpl4U5D4SuuQl75dsHAWaJ+XLCQ',
  password: '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
  'correct horse battery staple':
    '$argon2id$v=19$m=65536,t=3,p=4$MIIRqgvgQbgj220jfp0MPA$YfwJSVjtjSU0zzV/P3S9nnQ/USre2wvJMjfCIjrTQbg',
}
/** Two passwords with cheap hashes, also by libargon2. */
const cheap = {
  hunter2:
    'argon2id:$argon2id$v=19$m=32,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$PS0ZrpSBNr82OTsJSSgy8JDnkB32y+7dWH6ZiN++z98',
  swordfish:
    'argon2id:$argon2id$v=19$m=32,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$JQphpz/6E7ls77ivKL6NAgk0virz/GUWl4wVavv28v4',
}
const random = newSecret()
const least = { message: '', nonce: 'saltsalt', parallelism: 1, tagLength: 16, memory: 8, passes: 1 }

const upstream = await startTestUpstream(answerOrStream)
t.teardown(upstream.close)

/** Returns keys by name with one hash each; `fast` has a random secret. */
function config(hashes: Record<string, string>): string {
  const keys = Object.entries({ fast: hashSecret(random), ...hashes }).map(
    ([name, hash]) => `  ${name}: {roles: [all], secrets: [{hash: "${hash}"}]}\n`,
  )
  return `
auth: {keys: {type: api-key}}
roles: {all: {access: {main: {tools: {allow: ["*"]}}}}}
keys:
${keys.join('')}proxies: {main: {auth: [keys], upstream: {url: "${upstream.url}"}}}
`
}

async function start(t: Test, hashes: Record<string, string>): Promise<TestGateway> {
  const gateway = await startTestGateway(config(hashes), { watch: false })
  t.teardown(gateway.close)
  return gateway
}

const bearer = (secret: string): { headers: Record<string, string> } => ({
  headers: { authorization: `Bearer ${secret}` },
})
const present = (gateway: TestGateway, secret: string, localAddress = '127.0.0.1'): Promise<Answered> =>
  call(`${gateway.url}/main/mcp`, { ...bearer(secret), localAddress })
/** Returns the outcome of a secret: the status, or the reason of the refusal. */
const outcomeOf = async (...args: Parameters<typeof present>): Promise<string> => {
  const { status, reason } = await present(...args)
  return reason ?? String(status)
}

/** Counts the calls of Argon2, and can keep them from ending. */
function watchArgon2(t: Test): { begun(): number; hold(): void; release(): void } {
  const { argon2 } = crypto
  let begun = 0
  let held: (() => void)[] | undefined
  const watched: typeof argon2 = (...args) => {
    begun++
    if (held === undefined) argon2(...args)
    else held.push(() => argon2(...args))
  }
  Object.assign(crypto, { argon2: watched })
  const release = (): void => {
    const waiting = held ?? []
    held = undefined
    for (const go of waiting) go()
  }
  t.teardown(() => {
    release()
    Object.assign(crypto, { argon2 })
  })
  return { begun: () => begun, hold: () => void (held = []), release }
}

t.test('hashes of other implementations accept their secrets, and nothing else', async t => {
  for (const [secret, phc] of Object.entries(vectors)) {
    const hash = parseArgon2(`argon2id:${phc}`)
    t.equal(writeArgon2(hash), `argon2id:${phc}`)
    t.equal(await verifyArgon2(secret, hash), true, phc)
    t.equal(await verifyArgon2(`${secret} `, hash), false)
    const altered = Buffer.from(hash.tag)
    altered[altered.length - 1]! ^= 1
    t.equal(await verifyArgon2(secret, { ...hash, tag: altered }), false)
  }
})

t.test('a PHC string may be pasted into gateway.yaml, with any quotes', async t => {
  const hash = `argon2id:${vectors['password']}`
  for (const written of [hash, `"${hash}"`, `'${hash}'`, '${HASH}', 'argon2id:${PHC}']) {
    const env = { HASH: hash, PHC: vectors['password']! }
    const text = `version: 1
roles: {reader: {access: {}}}
keys:
  ann:
    roles: [reader]
    secrets:
      - hash: ${written}
${oneProxy}`
    const { loaded, diagnostics } = loadText(text, { env })
    t.strictSame(diagnostics, [])
    t.equal(loaded?.config.keys['ann']?.secrets[0]?.hash, hash, written)
  }
})

t.test('parameters are bounded, and small ones are weak', async t => {
  const hash = (m: number, t: number, p = 1, salt = 16, tag = 32): string =>
    `argon2id:$argon2id$v=19$m=${m},t=${t},p=${p}$${unpadded(salt)}$${unpadded(tag)}`
  const unpadded = (length: number): string => Buffer.alloc(length, 7).toString('base64').replace(/=+$/, '')
  const good = [
    hash(8, 1),
    hash(32, 1, 4),
    hash(262_144, 10, 4),
    hash(64, 1, 1, 8, 16),
    hash(64, 1, 1, 64, 64),
  ]
  for (const text of good) t.ok(parseArgon2(text), text)
  const bad = [
    hash(7, 1),
    hash(31, 1, 4),
    hash(262_145, 1),
    hash(64, 0),
    hash(64, 11),
    hash(64, 1, 0),
    hash(64, 1, 5),
    hash(64, 1, 1, 7),
    hash(64, 1, 1, 65),
    hash(64, 1, 1, 16, 15),
    hash(64, 1, 1, 16, 65),
    hash(64, 1).replace('m=64', 'm=064'),
    hash(64, 1).replace('p=1', 'p=1,keyid=AAAA'),
    `${hash(64, 1)}\n`,
    // The last digit has bits that are not part of the hash, so this is another spelling of the same hash.
    hash(64, 1).replace(/.$/, 'd'),
  ]
  for (const text of bad) t.throws(() => parseArgon2(text), { name: 'MalformedError' }, text)
  const weak = (m: number, t: number): boolean => isWeak(parseArgon2(hash(m, t)))
  t.strictSame(
    [weak(47_104, 1), weak(19_456, 2), weak(12_288, 3), weak(7168, 10)],
    [false, false, false, false],
  )
  t.strictSame([weak(19_456, 1), weak(19_455, 2), weak(7167, 10)], [true, true, true])
})

t.test(
  'only the right password is accepted; a text in the form of a generated key is never tried',
  async t => {
    const argon2 = watchArgon2(t)
    const gateway = await start(t, { ann: cheap.hunter2, bob: cheap.swordfish })
    t.equal(await outcomeOf(gateway, 'hunter2'), '200')
    t.equal(await outcomeOf(gateway, 'swordfish'), '200')
    const phc = cheap.hunter2.slice('argon2id:'.length)
    for (const wrong of ['Hunter2', 'hunter', cheap.hunter2, phc, phc.split('$').at(-1)!])
      t.equal(await outcomeOf(gateway, wrong), 'credential_invalid')
    await until(() => gateway.lines.filter(({ event }) => event === 'request').length === 7, 'all are logged')
    t.strictSame(
      gateway.lines.filter(({ event }) => event === 'request').map(({ principal }) => principal),
      ['ann', 'bob', ...Array.from({ length: 5 }, () => undefined)],
    )
    t.notMatch(gateway.logText(), /hunter2|argon2id/)
    const before = argon2.begun()
    t.equal(before, 1 + 2 + 5 * 2)
    t.equal(await outcomeOf(gateway, random), '200')
    t.equal(await outcomeOf(gateway, newSecret()), 'credential_invalid')
    t.equal(await outcomeOf(gateway, random.replace(/.$/, '_')), 'credential_invalid')
    t.equal(argon2.begun(), before + 2, 'a text in another form is tried')
  },
)

t.test('a password with letters beyond ASCII is accepted in a header', async t => {
  const gateway = await start(t, {
    ann: `argon2id:${vectors['grüße']}`,
    bob: hashSecret('so déjà vu, voilà'),
  })
  const { port } = new URL(gateway.url)
  const status = async (secret: string, encoding: 'utf8' | 'latin1'): Promise<string> => {
    const socket = connect(Number(port), '127.0.0.1')
    socket.write(
      Buffer.from(
        `POST /main/mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nAuthorization: Bearer ${secret}\r\n` +
          `Content-Type: application/json\r\nContent-Length: 40\r\n\r\n{"jsonrpc":"2.0","id":1,"method":"ping"}`,
        encoding,
      ),
    )
    let answer = ''
    for await (const chunk of socket) answer += String(chunk)
    return answer.slice(9, 12)
  }
  for (const secret of ['grüße', 'so déjà vu, voilà']) {
    t.equal(await status(secret, 'utf8'), '200')
    t.equal(await status(secret, 'latin1'), '200')
    t.equal(await status(`${secret}ü`, 'utf8'), '401')
  }
})

t.test('results are cached, through reloads, until their hash is removed', async t => {
  const argon2 = watchArgon2(t)
  const gateway = await start(t, { ann: cheap.hunter2 })
  const cost = async (secret: string): Promise<[string, number]> => {
    const before = argon2.begun()
    return [await outcomeOf(gateway, secret), argon2.begun() - before]
  }
  const apply = async (hashes: Record<string, string>): Promise<void> => {
    gateway.write(config(hashes))
    await gateway.reload()
    t.ok((await gateway.status()).lastReload.successful)
  }
  t.strictSame(await cost('hunter2'), ['200', 1])
  t.strictSame(await cost('hunter2'), ['200', 0])
  t.strictSame(await cost('swordfish'), ['credential_invalid', 1])
  t.strictSame(await cost('swordfish'), ['credential_invalid', 0])
  const stream = await follow(`${gateway.url}/main/mcp`, bearer('hunter2'))
  await apply({ ann: cheap.hunter2, bob: cheap.swordfish })
  t.strictSame(await cost('hunter2'), ['200', 0])
  t.strictSame(await cost('swordfish'), ['200', 1], 'it is tried against the new hash only')
  t.equal(stream.endedAt(), 0)
  await apply({ bob: cheap.swordfish })
  t.equal(await outcomeOf(gateway, 'hunter2'), 'credential_invalid')
  await until(() => stream.endedAt(), 'the stream ends')
  t.strictSame(await cost('swordfish'), ['200', 0])
  await until(async () => (await gateway.status()).openStreams === 0, 'nothing is left of it')
  await apply({ ann: cheap.hunter2, bob: cheap.swordfish })
  t.strictSame(await cost('hunter2'), ['200', 1], 'what was known went with the hash')
})

t.test('an expired password is refused as expired', async t => {
  const gateway = await startTestGateway(
    config({ ann: cheap.hunter2 }).replace(`${cheap.hunter2}"`, `${cheap.hunter2}", expires: 2020-01-01`),
  )
  t.teardown(gateway.close)
  t.equal(await outcomeOf(gateway, 'hunter2'), 'credential_expired')
})

t.test('concurrent requests with one secret share one attempt', async t => {
  const argon2 = watchArgon2(t)
  const gateway = await start(t, { ann: cheap.hunter2 })
  argon2.hold()
  const answers = Array.from({ length: 10 }, () => outcomeOf(gateway, 'hunter2'))
  const first = Promise.race(answers)
  await until(() => argon2.begun() === 1, 'it is tried')
  // When a later request is answered, the others have arrived.
  t.equal(await outcomeOf(gateway, random), '200')
  argon2.release()
  await first
  t.strictSame(
    await Promise.all(answers),
    Array.from({ length: 10 }, () => '200'),
  )
  t.equal(argon2.begun(), 1)
})

t.test('two secrets are tried at once and 64 wait; more get 503, except known ones', async t => {
  const argon2 = watchArgon2(t)
  const gateway = await start(t, { ann: cheap.hunter2 })
  t.equal(await outcomeOf(gateway, 'hunter2'), '200')
  argon2.hold()
  const before = argon2.begun()
  const outcomes: string[] = []
  const answers = Array.from({ length: 70 }, async (_, index) => {
    outcomes.push(await outcomeOf(gateway, `wrong ${index}`, `127.0.0.${2 + Math.floor(index / 20)}`))
  })
  await until(() => outcomes.length === 4, 'all have come')
  t.strictSame(outcomes.splice(0), ['overloaded', 'overloaded', 'overloaded', 'overloaded'])
  t.equal(argon2.begun() - before, 2)

  const response = await fetch(`${gateway.url}/main/mcp`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...bearer('another').headers },
    body: '{"jsonrpc":"2.0","id":1,"method":"ping"}',
  })
  const { error } = parseAnswer(await response.clone().text()) as {
    error: { data: { requestId: string } }
  }
  const { requestId } = error.data
  t.equal(response.status, 503)
  t.equal(response.headers.get('retry-after'), '1')
  t.equal(response.headers.get('www-authenticate'), null)
  t.equal(
    await response.text(),
    `overloaded (50303): too many keys are being checked; send the request again\nrequestId: ${requestId}\n`,
  )
  t.equal(await outcomeOf(gateway, 'hunter2'), '200', 'a known password')
  t.equal(await outcomeOf(gateway, random), '200', 'a random key')
  argon2.release()
  await Promise.all(answers)
  t.strictSame(
    outcomes,
    Array.from({ length: 66 }, () => 'credential_invalid'),
  )
  t.equal(await outcomeOf(gateway, 'one more'), 'credential_invalid', 'there is room again')
})

t.test('waiting secrets are not tried after the gateway stops', async t => {
  const argon2 = watchArgon2(t)
  const gateway = await startTestGateway(config({ ann: cheap.hunter2 }), { watch: false })
  argon2.hold()
  const answers = Array.from({ length: 4 }, (_, index) =>
    outcomeOf(gateway, `wrong ${index}`).catch(() => 'cut'),
  )
  await until(() => argon2.begun() === 2, 'two are tried')
  const closed = gateway.close()
  await Promise.all(answers)
  await closed
  argon2.release()
  await new Promise(resolve => void crypto.argon2('argon2id', least, resolve))
  t.equal(argon2.begun(), 2 + 1)
})

t.test('other calls continue while two secrets are tried', async t => {
  const argon2 = watchArgon2(t)
  const slow =
    'argon2id:$argon2id$v=19$m=65536,t=8,p=1$c2FsdHNhbHRzYWx0c2FsdA$JQphpz/6E7ls77ivKL6NAgk0virz/GUWl4wVavv28v4'
  const gateway = await start(t, { ann: slow })
  const order: string[] = []
  const note = async (name: string, secret: string): Promise<void> => {
    await present(gateway, secret)
    order.push(name)
  }
  const attempts = [note('slow', 'one'), note('slow', 'two')]
  await until(() => argon2.begun() === 2, 'both are tried')
  for (let index = 0; index < 3; index++) await note('fast', random)
  await Promise.all(attempts)
  t.strictSame(order, ['fast', 'fast', 'fast', 'slow', 'slow'])
})

t.test('a flood of wrong secrets from one address is stopped, and known secrets still work', async t => {
  const argon2 = watchArgon2(t)
  const gateway = await start(t, { ann: cheap.hunter2, bob: cheap.swordfish })
  t.equal(await outcomeOf(gateway, 'hunter2'), '200')
  const flood = Array.from({ length: 40 }, (_, index) => outcomeOf(gateway, `wrong ${index}`))
  const answers = await Promise.all(flood)
  t.equal(answers.filter(answer => answer === 'credential_invalid').length, 20)
  t.equal(answers.filter(answer => answer === 'overloaded').length, 20)
  const spent = argon2.begun()
  const refused = await present(gateway, 'yet another')
  t.match(refused, { status: 503, reason: 'overloaded' })
  t.match(refused.headers['retry-after'], /^([1-9]|10)$/)
  t.equal(await outcomeOf(gateway, 'hunter2'), '200', 'a known password')
  t.equal(await outcomeOf(gateway, random), '200', 'a random key')
  t.equal(await outcomeOf(gateway, `wrong ${answers.indexOf('credential_invalid')}`), 'credential_invalid')
  t.equal(argon2.begun(), spent)
  t.equal(await outcomeOf(gateway, 'swordfish', '127.0.0.2'), '200', 'from another address')
  t.equal(await outcomeOf(gateway, 'swordfish'), '200', 'then from this one as well')

  gateway.write(config({ ann: cheap.hunter2 }))
  await gateway.reload()
  t.equal(await outcomeOf(gateway, 'yet another'), 'overloaded', 'the count outlives a reload')
})

t.test('a right secret does not count as a wrong one', async t => {
  const gateway = await start(t, { ann: cheap.hunter2, bob: cheap.swordfish })
  t.equal(await outcomeOf(gateway, 'hunter2'), '200')
  t.equal(await outcomeOf(gateway, 'swordfish'), '200')
  for (let index = 0; index < 20; index++)
    t.equal(await outcomeOf(gateway, `wrong ${index}`), 'credential_invalid')
  t.equal(await outcomeOf(gateway, 'wrong once more'), 'overloaded')
})

t.test('wrong secrets are counted by IPv4 address or IPv6 /64 network, for a while', async t => {
  let now = 0
  const failures = createFailures(() => now)
  const exhaust = (address: string): void => {
    for (let index = 0; index < 20; index++) t.equal(failures.count(address), 0)
    t.equal(failures.count(address), 10_000)
  }
  exhaust('2001:db8:0:1::5')
  t.equal(failures.count('2001:db8:0:1:ffff:1:2:3'), 10_000)
  t.equal(failures.count('2001:db8:0:2::5'), 0)
  exhaust('::1')
  t.equal(failures.count('::ffff:192.0.2.1'), 0, 'an IPv4-mapped address is an IPv4 address')
  exhaust('fe80::1%eth0')
  t.equal(failures.count('fe80::2%eth1'), 10_000)
  exhaust('192.0.2.9')
  t.equal(failures.count('::ffff:192.0.2.9'), 10_000)
  t.equal(failures.count('192.0.2.10'), 0)
  now += 4000
  t.equal(failures.count('192.0.2.9'), 6000)
  failures.forgive('192.0.2.9')
  t.strictSame([failures.count('192.0.2.9'), failures.count('192.0.2.9')], [0, 6000])
  now += 6000
  t.strictSame([failures.count('192.0.2.9'), failures.count('192.0.2.9')], [0, 10_000])
  for (let index = 0; index < 10_000; index++) failures.count(`198.18.${index >> 8}.${index & 255}`)
  t.equal(failures.count('192.0.2.9'), 0, 'the table is bounded')
})

t.test('keys hash --argon2id makes a working hash, and warns about a generated key', async t => {
  const { code, stdout, stderr } = await run('/', ['hash', '--argon2id'], 'correct horse\n')
  t.equal(code, 0)
  t.equal(stderr, '')
  const hash = parseArgon2(stdout.trimEnd())
  t.match(hash, { memory: 19_456, passes: 2, parallelism: 1 })
  t.strictSame([hash.salt.length, hash.tag.length, isWeak(hash)], [16, 32, false])
  t.equal(await verifyArgon2('correct horse', hash), true)
  const again = await run('/', ['hash', '--argon2id'], 'correct horse\n')
  t.not(again.stdout, stdout, 'each has its own salt')
  t.match(await run('/', ['hash', '--argon2id'], 'hunter2'), { code: 0, stderr: /^gatehouse: warning/ })
  t.match(await run('/', ['hash'], 'hunter2'), { code: 0, stderr: /--argon2id/ })
  for (const [args, secret] of [
    [['--argon2id'], random],
    [['--argon2id', '-c', 'gateway.yaml'], 'correct horse'],
    [['--argon2id', 'correct horse'], 'correct horse'],
    [['--argon2id=correct horse'], 'correct horse'],
    [['--argon2id'], ''],
  ] as const) {
    const refused = await run('/', ['hash', ...args], secret)
    t.match(refused, { code: 2, stdout: '', stderr: /^gatehouse: / })
    t.notMatch(refused.stderr, /correct horse|gate_[0-9A-Za-z]{9}/)
  }
})

t.test('keys list shows eight digits of the digest, and neither parameters nor salt', async t => {
  const { folder } = folderWith(
    t,
    keysConfig(`keys: {ann: {roles: [reader], secrets: [{hash: "argon2id:${vectors['password']}"}]}}\n`),
  )
  t.match((await run(folder, ['list'])).stdout, / CTFhFdXP\n$/)
  const { stdout } = await run(folder, ['list', '--format', 'json'])
  t.match(JSON.parse(stdout), { keys: [{ secrets: [{ hash: 'argon2id:CTFhFdXP' }] }] })
})
