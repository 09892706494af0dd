import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { hasGoodChecksum, hashSecret, looksLikeKey } from '../gateway/auth/api-key/key.ts'
import { createKeyring } from '../gateway/auth/api-key/keyring.ts'
import { load } from '../gateway/config/load.ts'
import { ann, config, folderWith, keysOf, other, run } from './fixtures/keys.ts'

const day = 86_400_000

t.test('new adds a key, prints its secret once, and stores only the hash', async t => {
  const { folder, file, read } = folderWith(t, config(ann))
  const args = 'new bob --role reader --role writer --owner b@example.com --expires 90d'.split(' ')
  const { code, stdout, stderr } = await run(folder, [...args, '--description', 'costs ${5} $$'])
  t.equal(code, 0)
  const secret = stdout.trimEnd()
  t.ok(looksLikeKey(secret) && hasGoodChecksum(secret))
  t.equal(stdout, `${secret}\n`)
  t.notOk(`${stderr}${read()}`.includes(secret.slice(5, 48)), 'nowhere else')
  const { bob } = keysOf(file)
  t.match(bob, {
    owner: 'b@example.com',
    roles: ['reader', 'writer'],
    description: 'costs ${5} $$',
    secrets: [{ hash: hashSecret(secret) }],
  })
  t.match(bob!.expires, /T\d\d:\d\d:\d\dZ$/)
  t.ok(Math.abs(Date.parse(bob!.expires!) - Date.now() - 90 * day) < 60_000)
  t.ok(read().startsWith(config(ann)))
  t.same(readdirSync(folder), ['gateway.yaml'])
})

t.test('new --format json shows the file of the key; an instant is written as given', async t => {
  const { folder, file } = folderWith(t, config('keys:\n'))
  const args = 'new bob --role reader --format json -q --expires 2999-03-01'.split(' ')
  const { stdout, stderr } = await run(folder, args)
  const { secret, hash, ...rest } = JSON.parse(stdout) as Record<string, string>
  t.same(rest, { schemaVersion: 1, name: 'bob', file })
  t.equal(hash, hashSecret(secret!))
  t.equal(stderr, '')
  t.equal(keysOf(file)['bob']!.expires, '2999-03-01')
})

t.test('new creates a key for 365 days by default', async t => {
  const { folder, file } = folderWith(t, config(ann))
  const first = await run(folder, ['new', 'bob', '--role', 'reader'])
  const { expires = '' } = keysOf(file)['bob']!
  t.ok(Math.abs(Date.parse(expires) - Date.now() - 365 * day) < 60_000)
  t.match(first.stderr, `expires at ${expires}\n`)
  const second = await run(folder, ['new', 'eve', '--role', 'reader', '--expires', 'never'])
  t.match(second, { code: 0, stderr: 'never expires' })
  t.notOk('expires' in keysOf(file)['eve']!)
})

const refusals: Record<string, [args: string[], text: string, code: number, stderr: RegExp]> = {
  'a name that exists': [['new', 'ann', '--role', 'reader'], config(ann), 1, /`ann` .*gateway.yaml:7:3/],
  'a role that does not exist': [
    ['new', 'bob', '--role', 'raeder'],
    config(ann),
    1,
    /`raeder`; did you mean `reader`/,
  ],
  'a configuration with errors': [
    ['new', 'bob', '--role', 'reader'],
    config(`rolls: {}\n${ann}`),
    1,
    /yaml:6:1: error GH1201/,
  ],
  'new: an unknown role, in an empty block': [
    ['new', 'bob', '--role', 'raeder'],
    config('keys:\n'),
    1,
    /`raeder`/,
  ],
  'rotate: no such key': [['rotate', 'an'], config(ann), 1, /did you mean `ann`/],
  'revoke: no such key': [['revoke', 'bob'], config('keys: {}'), 1, /`bob`/],
  'more secrets than a key may have': [
    ['rotate', 'ann'],
    config(ann + Array.from({ length: 9 }, (_, at) => `      - hash: "${hashSecret(`${at}`)}"\n`).join('')),
    1,
    /GH1210/,
  ],
  'an alias in the way of the edit': [
    ['rotate', 'bob'],
    config(
      `keys: {bob: {roles: [reader], secrets: [{hash: "${other}", expires: &e 2999-01-01}], expires: *e}}`,
    ),
    1,
    /by hand/,
  ],
  'no role': [['new', 'bob'], config(ann), 2, /--role/],
  'a malformed name': [['new', 'b b', '--role', 'reader'], config(ann), 2, /invalid key name/],
  'a malformed expiry': [
    ['new', 'bob', '--role', 'reader', '--expires', 'soon'],
    config(ann),
    2,
    /`--expires`/,
  ],
  'an expiry in the past': [
    ['new', 'bob', '--role', 'reader', '--expires', '2020-01-01'],
    config(ann),
    2,
    /`--expires`/,
  ],
  'a malformed overlap': [['rotate', 'ann', '--overlap', 'week'], config(ann), 2, /`--overlap`/],
  'an unknown format': [['revoke', 'ann', '--format', 'xml'], config(ann), 2, /`xml` for `--format`/],
  'no name': [['revoke'], config(ann), 2, /missing argument/],
  'an unknown command': [['renew', 'ann'], config(ann), 2, /keys renew/],
  'no command': [[], config(ann), 2, /^Usage: gatehouse keys/],
  'a missing file': [['new', 'bob', '--role', 'reader', '-c', 'no.yaml'], config(ann), 2, /no\.yaml/],
  'list: a missing file': [['list', '-c', 'no.yaml'], config(ann), 2, /GH1001/],
  'list: a configuration with errors': [['list'], config('rolls: {}'), 1, /GH1201/],
}
for (const [name, [args, text, code, message]] of Object.entries(refusals)) {
  t.test(`refused, and nothing is written: ${name}`, async t => {
    const { folder, read } = folderWith(t, text)
    const outcome = await run(folder, args)
    t.match(outcome, { code, stdout: '', stderr: message })
    t.equal(read(), text)
    t.same(readdirSync(folder), ['gateway.yaml'])
  })
}

t.test('--help prints the help on stdout', async t => {
  for (const command of [[], ['new'], ['rotate'], ['revoke'], ['list'], ['hash']]) {
    t.match(await run('/', [...command, '--help']), { code: 0, stdout: /^Usage: gatehouse keys/, stderr: '' })
  }
})

t.test('--dry-run writes nothing, shows no secret, and prints the file as it would become', async t => {
  const { folder, file, read } = folderWith(t, config(ann))
  for (const args of [
    ['new', 'bob', '--role', 'reader'],
    ['rotate', 'ann'],
    ['revoke', 'ann'],
  ]) {
    const { code, stdout } = await run(folder, [...args, '--dry-run'])
    t.equal(code, 0)
    t.not(stdout, read())
    t.notMatch(stdout, /gate_/)
    const json = await run(folder, [...args, '--dry-run', '--format', 'json'])
    const { text } = JSON.parse(json.stdout) as { text: string }
    t.ok(
      load(file, { env: {}, now: new Date(), allowMissingEnv: true, readFile: () => Buffer.from(text) })
        .loaded,
    )
  }
  t.equal(read(), config(ann))
})

t.test('rotate adds a secret and lets the current ones expire', async t => {
  const expired = `      - {hash: "${hashSecret('old')}", expires: 2020-01-01}\n`
  const soon = new Date(Date.now() + day).toISOString()
  const ending = `      - {hash: "${hashSecret('soon')}", expires: ${soon}}\n`
  const { folder, file } = folderWith(t, config(ann + expired + ending))
  const { code, stdout, stderr } = await run(folder, ['rotate', 'ann', '--overlap', '2d'])
  t.equal(code, 0)
  t.notMatch(stderr, stdout.trimEnd())
  const { secrets } = keysOf(file)['ann']!
  t.same(
    secrets.map(({ hash }) => hash),
    [other, hashSecret('soon'), hashSecret(stdout.trimEnd())],
  )
  t.match(secrets[0]!.expires, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
  t.ok(Math.abs(Date.parse(secrets[0]!.expires!) - Date.now() - 2 * day) < 60_000)
  t.same(
    secrets.slice(1).map(({ expires }) => expires),
    [soon, undefined],
    'an earlier expiry stays',
  )
})

t.test('rotate --overlap 0s replaces every secret', async t => {
  const { folder, file, read } = folderWith(t, config(ann))
  const { stdout } = await run(folder, ['rotate', 'ann', '--overlap', '0s', '--format', 'json'])
  const { secret, hash, ...rest } = JSON.parse(stdout) as Record<string, string>
  t.same(rest, { schemaVersion: 1, name: 'ann', file, oldSecretsEnd: null, removed: 1 })
  t.same(keysOf(file)['ann']!.secrets, [{ hash: hashSecret(secret!) }])
  t.equal(read(), config(ann).replace(other, hash!))
})

t.test('rotate does not let a secret outlive its key', async t => {
  const { folder, file } = folderWith(t, config(`${ann}    expires: 2999-01-01\n`))
  await run(folder, ['rotate', 'ann', '--overlap', '3650d'])
  t.ok(Date.parse(keysOf(file)['ann']!.secrets[0]!.expires!) < Date.parse('2999-01-01'))
  writeFileSync(file, config(`${ann}    expires: ${new Date(Date.now() + day).toISOString()}\n`))
  await run(folder, ['rotate', 'ann'])
  t.same(
    load(file, { env: {}, now: new Date(), allowMissingEnv: true }).diagnostics.map(({ code }) => code),
    ['GH1401'],
  )
})

t.test('rotate and revoke edit the fragment that holds the key', async t => {
  const folder = t.testdir({ 'gateway.yaml': config('include: [teams/*]\n'), teams: { 'one.yaml': ann } })
  const file = join(folder, 'teams/one.yaml')
  t.match(await run(folder, ['rotate', 'ann']), { code: 0, stderr: /teams\/one\.yaml/ })
  t.match(await run(folder, ['revoke', 'ann', '--format', 'json']), {
    code: 0,
    stdout: JSON.stringify({ schemaVersion: 1, name: 'ann', file, changed: true }),
  })
  t.equal(readFileSync(join(folder, 'gateway.yaml'), 'utf8'), config('include: [teams/*]\n'))
  t.match(readFileSync(file, 'utf8'), /^keys:\n {2}ann: # of team one\n[^]*disabled: true\n$/)
  t.match(await run(folder, ['new', 'ann', '--role', 'reader']), { code: 1, stderr: /teams\/one\.yaml:2:3/ })
})

t.test('revoke disables a key, and reports when it was disabled already', async t => {
  const { folder, file, read } = folderWith(t, config(`${ann}    disabled: false # for now\n`))
  t.match(await run(folder, ['revoke', 'ann']), { code: 0, stdout: '', stderr: /disabled key ann/ })
  t.equal(read(), config(`${ann}    disabled: true # for now\n`))
  const { mtimeMs } = statSync(file)
  t.match(await run(folder, ['revoke', 'ann']), { code: 0, stdout: '', stderr: /already disabled/ })
  t.equal(statSync(file).mtimeMs, mtimeMs)
})

const secret = (name: string, more = '') => `{hash: "${hashSecret(name)}"${more}}`

t.test('list shows state and expiry, and 8 digits of each hash', async t => {
  const entries = {
    active: `{owner: a@example.com, roles: [reader], secrets: [${secret('1')}]}`,
    off: `{roles: [reader], disabled: true, secrets: [${secret('2')}]}`,
    over: `{roles: [reader], expires: 2020-01-01, secrets: [${secret('3')}]}`,
    spent: `{roles: [reader], secrets: [${secret('4', ', expires: 2020-01-01')}]}`,
    early: `{roles: [reader], notBefore: 2999-01-01, secrets: [${secret('5')}]}`,
    waiting: `{roles: [reader], secrets: [${secret('6', ', notBefore: 2999-01-01')}]}`,
    turning: `{roles: [reader], secrets: [${secret('7', ', expires: 2999-01-01')}, ${secret('8')}]}`,
    open: `{roles: [reader], expires: "\${END}", secrets: [${secret('9')}]}`,
    nowhere: `{roles: [reader], notBefore: 2999-01-01, secrets: [${secret('10', ', expires: 2020-01-01')}]}`,
  }
  const { folder, file } = folderWith(
    t,
    config(
      `keys:\n${Object.entries(entries)
        .map(([name, entry]) => `  ${name}: ${entry}\n`)
        .join('')}`,
    ),
  )
  const json = await run(folder, ['list', '--format', 'json'])
  const listed = JSON.parse(json.stdout) as {
    schemaVersion: number
    keys: { name: string; state: string; secrets: { state: string }[] }[]
  }
  t.same(
    listed.keys.map(({ state }) => state),
    [
      'active',
      'disabled',
      'expired',
      'expired',
      'not yet valid',
      'not yet valid',
      'rotating',
      'active',
      'expired',
    ],
  )
  const keyring = createKeyring(undefined)
  keyring.add(keysOf(file, { END: '2999-01-01' }))
  const outcomes = { active: 'valid', disabled: 'disabled', expired: 'expired', 'not yet valid': 'early' }
  const secrets = listed.keys.flatMap(key => key.secrets)
  t.same(
    secrets.map(({ state }) => outcomes[state as keyof typeof outcomes]),
    (
      await Promise.all(
        secrets.map((_, index) => keyring.verify(`${index + 1}`, Date.now(), () => undefined, '')),
      )
    ).map(({ outcome }) => outcome),
    'list and the gateway agree on each secret',
  )
  t.match(listed.keys[6]!.secrets, [
    { hash: hashSecret('7').slice(0, 15), expires: '2999-01-01' },
    { expires: null },
  ])
  const text = await run(folder, ['list'])
  t.match(
    text.stdout,
    /^NAME +OWNER +ROLES +STATE +EXPIRES +SECRETS\nactive +a@example.com +reader +active +never +6b86b273\n/,
  )
  t.notMatch(json.stdout + text.stdout, /[0-9a-f]{9}/)
  t.match(await run(folderWith(t, config()).folder, ['list']), { code: 0, stdout: '', stderr: /keys new/ })
})

t.test('hash reads one line of stdin, and no argument', async t => {
  const good = 'x'.repeat(32)
  for (const end of ['', '\n', '\r\n']) {
    t.same(await run('/', ['hash'], good + end), { code: 0, stdout: `${hashSecret(good)}\n`, stderr: '' })
  }
  t.match(await run('/', ['hash', '-'], 'short'), {
    code: 0,
    stdout: `${hashSecret('short')}\n`,
    stderr: /warning/,
  })
  t.match(await run('/', ['hash'], 'x'.repeat(4096)), { code: 0 })
  const argument = await run('/', ['hash', 'hunter2'])
  t.match(argument, { code: 2, stdout: '', stderr: /from stdin/ })
  t.notMatch(argument.stderr, /hunter2/)
  for (const input of [
    '',
    '\n',
    'a\nb',
    'a\n\n',
    'a\rb',
    'x'.repeat(4097),
    'x'.repeat(10_000),
    Buffer.from([0xff]),
  ]) {
    t.match(await run('/', ['hash'], input), { code: 2, stdout: '', stderr: /^gatehouse: / })
  }
})
