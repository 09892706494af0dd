import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import t from 'tap'
import { createVerifiedTokens } from '../gateway/auth/token/verified-tokens.ts'
import type { Principal } from '../gateway/auth/principal.ts'
import { readJws, type Jws } from '../gateway/auth/jws.ts'
import { parseKeySet } from '../gateway/values/pki/key-set.ts'
import { MalformedError } from '../gateway/values/malformed.ts'
import { Refusal } from '../gateway/mcp/errors.ts'
import { discoverUrl } from '../gateway/oauth/discovery.ts'
import { createIssuerKeys, type Clock, type IssuerKeys } from '../gateway/oauth/jwks.ts'
import { createIssuerKey, signToken, type IssuerKey } from './fixtures/issuer.ts'
import { until } from './fixtures/until.ts'

const first = await createIssuerKey('ES256', 'first')
const second = await createIssuerKey('EdDSA', 'second')
const signed = async (key: IssuerKey, kid = key.kid): Promise<Jws> =>
  readJws(await signToken({ ...key, kid }, { sub: 'ann' })) as Jws

const minute = 60_000

/** Keys with a clock and an issuer that the test controls. */
function underTest(
  up = true,
  holding = false,
): {
  keys: IssuerKeys
  fetches: () => number
  /** Number of pending timers. */
  waits: () => number
  results: string[]
  publish(...keys: IssuerKey[]): void
  fail(): void
  hold(): () => void
  advance(milliseconds: number): Promise<void>
} {
  let now = 0
  let published: IssuerKey[] | undefined = up ? [first] : undefined
  let fetches = 0
  let held: Promise<void> | undefined = holding ? new Promise(() => {}) : undefined
  const results: string[] = []
  const waiting = new Set<{ at: number; act: () => void }>()
  const clock: Clock = {
    now: () => now,
    after(milliseconds, act) {
      const entry = { at: now + milliseconds, act }
      waiting.add(entry)
      return () => waiting.delete(entry)
    },
  }
  const keys = createIssuerKeys(
    {
      method: 'sso',
      async fetch() {
        fetches++
        const keys = published
        await held
        if (keys === undefined) throw new Error('down')
        return JSON.stringify({ keys: keys.map(({ publicJwk }) => publicJwk) })
      },
      fetched: error => void results.push(error === undefined ? 'fetched' : 'failed'),
      close: () => {},
    },
    clock,
  )
  return {
    keys,
    fetches: () => fetches,
    waits: () => waiting.size,
    results,
    publish: (...next) => void (published = next),
    fail: () => void (published = undefined),
    hold() {
      const { promise, resolve } = Promise.withResolvers<void>()
      held = promise
      return () => {
        held = undefined
        resolve()
      }
    },
    async advance(milliseconds) {
      const end = now + milliseconds
      for (;;) {
        const [next] = [...waiting].filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at)
        if (next === undefined) break
        waiting.delete(next)
        now = next.at
        next.act()
        await settled()
      }
      now = end
    },
  }
}

const settled = (): Promise<void> => new Promise(resolve => setImmediate(resolve))
const reasonOf = (work: Promise<void>): Promise<string> =>
  work.then(
    () => 'good',
    (error: unknown) => (error instanceof Refusal ? error.reason : String(error)),
  )

t.test('a flood of made-up keys costs the issuer one fetch in a window', async t => {
  const { keys, fetches, advance } = underTest()
  t.equal(
    await reasonOf(keys.verify(await signed(first))),
    'good',
    'the first request waits for the first keys',
  )
  t.equal(fetches(), 1)
  for (let window = 1; window <= 3; window++) {
    for (let wave = 0; wave < 3; wave++) {
      const flood = await Promise.all(
        Array.from({ length: 50 }, (_, index) => signed(first, `made-up-${index}`)),
      )
      const reasons = new Set(await Promise.all(flood.map(one => reasonOf(keys.verify(one)))))
      t.strictSame([...reasons], ['credential_invalid'])
    }
    t.equal(fetches(), 1 + window)
    await advance(30_000)
  }
})

t.test('rotated keys are found at once, even during a fetch', async t => {
  const { keys, fetches, publish, hold, advance } = underTest()
  await keys.verify(await signed(first))
  const release = hold()
  await advance(10 * minute)
  t.equal(fetches(), 2, 'the refresh has begun, and will bring the old keys')
  publish(first, second)
  const tokens = await Promise.all(Array.from({ length: 20 }, () => signed(second)))
  const verifying = Promise.all(tokens.map(one => reasonOf(keys.verify(one))))
  await settled()
  release()
  t.strictSame([...new Set(await verifying)], ['good'])
  t.equal(fetches(), 3, 'one more fetch served them all')
  publish(second)
  await advance(10 * minute)
  await advance(30_000)
  t.equal(await reasonOf(keys.verify(await signed(first))), 'credential_invalid', 'a removed key is refused')
})

t.test(
  'keys are refreshed every ten minutes, and used for a day while the issuer is unreachable',
  async t => {
    const { keys, fetches, fail, publish, advance, results } = underTest()
    await keys.verify(await signed(first))
    await advance(31 * minute)
    t.equal(fetches(), 4)
    t.equal(keys.age(), 60)
    fail()
    await advance(23 * 60 * minute)
    t.equal(await reasonOf(keys.verify(await signed(first))), 'good')
    await advance(62 * minute)
    t.equal(await reasonOf(keys.verify(await signed(first))), 'keys_unavailable')
    t.ok(results.includes('failed'))
    publish(first)
    await advance(minute)
    t.equal(await reasonOf(keys.verify(await signed(first))), 'good', 'they come back without a request')
    keys.close()
    const then = fetches()
    await advance(60 * minute)
    t.equal(fetches(), then, 'unused keys are not fetched')
  },
)

t.test('without keys, the answer comes at once, and the next fetch soon', async t => {
  const { keys, publish, advance, fetches } = underTest(false)
  const refusal = await keys.verify(await signed(first)).catch((error: unknown) => error as Refusal)
  t.match(refusal, {
    reason: 'keys_unavailable',
    status: 503,
    code: 50302,
    headers: { 'retry-after': /^\d+$/ },
  })
  await advance(10 * minute)
  t.ok(fetches() > 10, 'it is fetched repeatedly')
  t.ok(fetches() < 20, 'but not all the time')
  publish(first)
  await advance(minute)
  t.equal(await reasonOf(keys.verify(await signed(first))), 'good')
})

t.test('no request waits more than four seconds for an unknown key', async t => {
  const { keys, fetches, publish, hold, advance, waits } = underTest()
  const outcomes: string[] = []
  const ask = async (name: string, key: IssuerKey): Promise<void> => {
    const token = await signed(key)
    void reasonOf(keys.verify(token)).then(reason => outcomes.push(`${name}: ${reason}`))
  }
  await keys.verify(await signed(first))
  publish(first, second)
  const release = hold()
  await ask('unknown', second)
  await until(() => fetches() === 2 && waits() === 1, 'it waits')
  await ask('known', first)
  await until(() => outcomes.length === 1, 'who needs no other key waits for none')
  await advance(1000)
  await ask('a second later', second)
  await until(() => waits() === 2, 'it waits for the same fetch')
  await advance(1000)
  await until(() => waits() === 2, 'the first waits once more')
  await advance(1999)
  await until(() => waits() === 2, 'and so does the other')
  t.strictSame(outcomes, ['known: good'])
  await advance(1)
  await until(() => outcomes.length === 2, 'the first has waited for long enough')
  release()
  await until(() => outcomes.length === 3, 'the fetch has ended')
  t.strictSame(outcomes, ['known: good', 'unknown: credential_invalid', 'a second later: good'])
  t.equal(fetches(), 2)
})

t.test('no request waits more than two seconds for the first keys', async t => {
  const { keys, advance, waits } = underTest(true, true)
  let outcome = ''
  void reasonOf(keys.verify(await signed(first))).then(reason => (outcome = reason))
  await until(() => waits() === 1, 'it waits')
  await advance(1999)
  t.equal(outcome, '')
  await advance(1)
  await until(() => outcome, 'it has waited for long enough')
  t.equal(outcome, 'keys_unavailable')
})

t.test('verified tokens are cached for a minute, until they expire, or until their keys change', async t => {
  let generation = 1
  const verified = createVerifiedTokens({ generation: () => generation }, 3)
  const keep = (digest: string, now: number, expires = Infinity): Promise<Principal> =>
    verified.keep(
      now,
      100,
      Promise.resolve({ kind: 'token', name: digest, roles: [], grantedBy: '', expires, digest }),
    )
  await keep('a', 0)
  await keep('b', 0, 500)
  t.equal(verified.get('a', 59_999)?.name, 'a')
  t.equal(verified.get('b', 499)?.name, 'b')
  t.equal(verified.get('b', 500), undefined)
  t.equal(verified.get('a', 60_000), undefined)
  for (const digest of ['c', 'd', 'e', 'f']) await keep(digest, 0)
  t.equal(verified.get('c', 1), undefined, 'the oldest was dropped')
  t.equal(verified.get('f', 1)?.name, 'f')
  await verified.keep(1, 5 * 1024 * 1024, Promise.resolve({ ...verified.get('f', 1)!, digest: 'huge' }))
  t.equal(verified.get('f', 1), undefined, 'all were dropped for one that is too long')
  await keep('f', 0)
  generation++
  t.equal(verified.get('f', 1), undefined)
  const late = Promise.withResolvers<Principal>()
  const keeping = verified.keep(1, 100, late.promise)
  generation++
  verified.get('f', 1)
  late.resolve({ kind: 'token', name: 'g', roles: [], grantedBy: '', expires: Infinity, digest: 'g' })
  t.equal((await keeping).name, 'g')
  t.equal(
    verified.get('g', 2),
    undefined,
    'a token is not cached if the keys changed during the verification',
  )
  await t.rejects(verified.keep(2, 100, Promise.reject(new Refusal('token_signature'))))
})

t.test('metadata is fetched from every well-known place, and must name the issuer', async t => {
  const asked: string[] = []
  const where = async (issuer: string, documents: Record<string, unknown>): Promise<string> => {
    asked.length = 0
    return discoverUrl('jwks_uri', issuer, url => {
      asked.push(url)
      const text = JSON.stringify(documents[url] ?? {})
      return Promise.resolve({ status: Object.hasOwn(documents, url) ? 200 : 404, text })
    })
  }
  const issuer = 'https://idp.example.com/tenants/one'
  const document = { issuer, jwks_uri: 'https://keys.example.com/one' }
  const places = [
    'https://idp.example.com/tenants/one/.well-known/openid-configuration',
    'https://idp.example.com/.well-known/oauth-authorization-server/tenants/one',
    'https://idp.example.com/.well-known/openid-configuration/tenants/one',
  ]
  for (const [index, place] of places.entries()) {
    t.equal(await where(issuer, { [place]: document }), document.jwks_uri)
    t.strictSame(asked, places.slice(0, index + 1))
  }
  for (const wrong of [{ ...document, jwks_uri: 'http://keys.example.com/one' }, 'no object', null]) {
    await t.rejects(where(issuer, { [places[0]!]: wrong }), JSON.stringify(wrong))
  }
  t.equal(
    await where('https://a.example.com/', {
      'https://a.example.com/.well-known/oauth-authorization-server': {
        issuer: 'https://a.example.com/',
        jwks_uri: 'https://a.example.com/k',
      },
    }),
    'https://a.example.com/k',
  )
  await t.rejects(where(issuer, {}), /no metadata/)
  const page = '<html>canary of what the issuer answers</html>'
  const read = discoverUrl('jwks_uri', issuer, () => Promise.resolve({ status: 200, text: page }))
  t.equal(
    await read.catch((error: unknown) => (error as Error).message),
    `the metadata at ${places[0]} is no JSON`,
    'the log contains nothing of the answer',
  )
  await t.rejects(where(issuer, { [places[0]!]: { issuer } }), /no keys/)
  for (const other of [`${issuer}/`, 'https://IDP.example.com/tenants/one', undefined, [issuer]]) {
    const documents = { [places[0]!]: { ...document, issuer: other }, [places[1]!]: document }
    await t.rejects(where(issuer, documents), /another issuer/, `not ${String(other)}`)
  }
})

t.test('only public keys that can verify signatures are used', async t => {
  const jwk = { ...first.publicJwk }
  const { privateKey: weak } = generateKeyPairSync('rsa', { modulusLength: 2047 })
  const { privateKey: strong } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const rsa = (key: KeyObject): object => createPublicKey(key).export({ format: 'jwk' })
  const kept = (...keys: unknown[]): number =>
    parseKeySet(JSON.stringify({ keys: [jwk, ...keys] })).length - 1
  t.equal(kept(rsa(strong)), 1)
  t.equal(kept({ ...jwk, use: undefined }), 1)
  t.equal(kept(rsa(weak)), 0)
  t.equal(kept(strong.export({ format: 'jwk' })), 0, 'a private key')
  t.equal(kept({ kty: 'oct', k: 'c2VjcmV0' }, { kty: 'AKP' }, { ...jwk, use: 'enc' }, {}, null, 'x'), 0)
  for (const text of [
    '',
    '[]',
    'null',
    '{}',
    '{"keys":{}}',
    '{"keys":[]}',
    '{"keys":[{"kty":"oct","k":"eA"}]}',
  ]) {
    t.throws(() => parseKeySet(text), MalformedError, text)
  }
  t.throws(() => kept(...Array.from({ length: 100 }, () => jwk)), MalformedError, 'too many')
})

t.test('keys that take long to verify with are not used', async t => {
  const number = (bits: number): string => Buffer.alloc(bits / 8, 0xff).toString('base64url')
  const usable = (n: number, e: number): boolean => {
    try {
      return parseKeySet(JSON.stringify({ keys: [{ kty: 'RSA', n: number(n), e: number(e) }] })).length === 1
    } catch {
      return false
    }
  }
  t.ok(usable(2048, 24))
  t.ok(usable(8192, 32))
  t.notOk(usable(3072, 3072))
  t.notOk(usable(16_384, 24))
  t.notOk(usable(1024, 24))
})
