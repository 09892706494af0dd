import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { hasGoodChecksum, hashSecret, looksLikeKey } from '../gateway/auth/api-key/key.ts'
import { createKeyring } from '../gateway/auth/api-key/keyring.ts'
import { load } from '../gateway/config/load.ts'
import { ann, config, folderWith, keysOf, main, other, run } from './fixtures/keys.ts'
import { until } from './fixtures/until.ts'

const day = 86_400_000
const noTerminal = spawnSync('script', ['--version']).status !== 0 && 'there is no `script`'

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
t.test('a secret that is typed at a terminal was shown', { skip: noTerminal }, async t => {
  for (const [typed, expected] of [
    ['typed-sekret-at-a-terminal-xxxxxxxx\x7f\r', `${hashSecret('typed-sekret-at-a-terminal-xxxxxxx')}`],
    ['typed-mistake\x15sekret-sekret-sekret-sekret-123\r', hashSecret('sekret-sekret-sekret-sekret-123')],
    ['sekret-sekret\x03', undefined],
  ] as const) {
    const child = spawn('script', ['-qec', `${process.execPath} ${main} keys hash`, '/dev/null'])
    t.teardown(() => child.kill('SIGKILL'))
    let shown = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (shown += text))
    const exit = once(child, 'close')
    await until(() => shown.includes('not shown'), 'it asks for the secret')
    child.stdin.write(typed)
    t.same(await exit, [expected === undefined ? 130 : 0, null], shown)
    t.notMatch(shown, /sekret/)
    if (expected !== undefined) t.match(shown, expected)
  }
})

const many = (count: number, start = 1): string =>
  Array.from(
    { length: count },
    (_, at) => `key-${at + start} ${hashSecret(`${at + start}`).slice(7)}\n`,
  ).join('')

t.test('import adds many keys at once, by secret or by hash', async t => {
  for (const text of [
    config(ann),
    config(),
    config('keys:\n'),
    config('keys: {}\n'),
    config(`keys: {ann: {roles: [reader], secrets: [{hash: "${other}"}]}}\n`),
  ]) {
    const { folder, file, read } = folderWith(t, text)
    const sha = hashSecret('already a hash')
    const input = `# from the old gateway\n\n${many(500)}bob, ${sha}\r\neve\tshort\n`
    const { code, stdout, stderr } = await run(folder, ['import', '--role', 'reader', '--owner', 'o'], input)
    t.match({ code, stdout }, { code: 0, stdout: '' }, stderr)
    t.match(stderr, /warning: .*line 504;[^]*added 502 keys to gateway\.yaml\n$/)
    const keys = keysOf(file)
    t.equal(Object.keys(keys).length, text.includes('ann') ? 503 : 502)
    t.match(keys['key-500'], {
      roles: ['reader'],
      owner: 'o',
      secrets: [{ hash: hashSecret(hashSecret('500').slice(7)) }],
    })
    t.ok(keys['key-500']!.expires)
    t.match(keys['bob'], { secrets: [{ hash: sha }] })
    t.notOk(read().includes(hashSecret('500').slice(7)), 'no secret is stored')
  }
  const { folder, read } = folderWith(t, config(ann))
  const args = ['import', '--role', 'reader', '--format', 'json', '-q']
  const dry = JSON.parse((await run(folder, [...args, '--dry-run'], many(2))).stdout) as object
  t.match(dry, { dryRun: true, names: ['key-1', 'key-2'], text: /key-2:/ })
  t.equal(read(), config(ann))
  const { stdout, stderr } = await run(folder, args, many(1))
  t.match(JSON.parse(stdout), { keys: [{ name: 'key-1', hash: /^sha256:/ }], file: /gateway.yaml$/ })
  t.equal(stderr, '')
})

t.test('import adds all keys or none, and shows no secret in an error', async t => {
  const secret = 'sekret-sekret-sekret-sekret-sekret-1'
  for (const [input, code, message] of [
    ['', 1, /no keys/],
    [`a ${secret}\nb\n`, 1, /line 2/],
    [`a ${secret}\n${secret}\n`, 1, /line 2/],
    [`a ${secret}\na ${secret}2\n`, 1, /line 2.*line 1/],
    [`${secret} a\n`, 1, /line 1.*first/],
    [`a!b ${secret}\n`, 1, /line 1/],
    [`a ${secret} more\x07\n`, 1, /line 1/],
    [`a ${secret} \n`, 1, /line 1/],
    [`\ufeffa ${secret}\n`, 1, /line 1/],
    [`ann ${secret}\n`, 1, /`ann` already/],
    [`b ${secret}\nc ${secret}\n`, 1, /GH/],
    ['b sha256:123\n', 1, /GH/],
    [Buffer.from([0x61, 0x20, 0xff]), 1, /UTF-8/],
  ] as const) {
    const { folder, read } = folderWith(t, config(ann))
    const outcome = await run(folder, ['import', '--role', 'reader'], input)
    t.match(outcome, { code, stdout: '', stderr: message }, String(input))
    t.notMatch(outcome.stderr, /sekret/)
    t.equal(read(), config(ann))
  }
  const { folder } = folderWith(t, config(ann))
  t.match(await run(folder, ['import'], many(1)), { code: 2, stderr: /--role/ })
  t.match(await run(folder, ['import', '--role', 'raeder'], many(1)), { code: 1, stderr: /reader/ })
})

t.test('new and import write into a fragment, if it is part of the configuration', async t => {
  for (const fragment of [
    `keys: {}\n`,
    'keys:\n',
    `# of the team\nkeys:\n  eve: {roles: [reader], secrets: [{hash: "${hashSecret('eve')}"}]}\n`,
  ]) {
    const { folder, file, read } = folderWith(t, config(`${ann}include: [teams/*.yaml]\n`))
    const before = read()
    mkdirSync(join(folder, 'teams'))
    const team = join(folder, 'teams/x.yaml')
    writeFileSync(team, fragment)
    const args = ['new', 'bob', '--role', 'reader', '--into', 'teams/x.yaml']
    const { code, stdout, stderr } = await run(folder, args)
    t.match({ code, stderr }, { code: 0, stderr: 'added key bob to teams/x.yaml' })
    t.match(await run(folder, ['import', '--role', 'reader', '--into', team], many(3)), { code: 0 })
    t.equal(keysOf(file)['bob']!.secrets[0]!.hash, hashSecret(stdout.trimEnd()))
    t.ok(keysOf(file)['key-3'])
    t.equal(read(), before)
    t.ok(readFileSync(team, 'utf8').startsWith(fragment.slice(0, 5)))
  }
  const { folder } = folderWith(t, config(ann))
  writeFileSync(join(folder, 'stray.yaml'), 'keys: {}\n')
  for (const into of ['stray.yaml', 'none.yaml']) {
    const outcome = await run(folder, ['new', 'bob', '--role', 'reader', '--into', into])
    t.match(outcome, { code: 1, stdout: '', stderr: /include/ })
  }
  t.equal(readFileSync(join(folder, 'stray.yaml'), 'utf8'), 'keys: {}\n')
})

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
  for (const command of [[], ['new'], ['rotate'], ['revoke'], ['list'], ['hash'], ['import']]) {
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
    `\ufeff${good}\n`,
    ` ${good}`,
    `${good} \n`,
    `${good}\t\r\n`,
    `${good}\u00a0`,
    `x\0${good}`,
  ]) {
    t.match(await run('/', ['hash'], input), { code: 2, stdout: '', stderr: /^gatehouse: / })
  }
})
