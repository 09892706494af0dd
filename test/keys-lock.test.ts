import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { hashSecret } from '../gateway/auth/api-key/key.ts'
import { LockedError, withLock } from '../gateway/commands/keys/lock.ts'
import { config, folderWith, keysOf, main, run, spawned } from './fixtures/keys.ts'

t.test('a symbolic link stays, and so does the mode of the file', async t => {
  const folder = t.testdir({
    real: { 'gateway.yaml': config() },
    'gateway.yaml': t.fixture('symlink', 'real/gateway.yaml'),
  })
  chmodSync(join(folder, 'real/gateway.yaml'), 0o640)
  t.equal((await run(folder, ['new', 'bob', '--role', 'reader'])).code, 0)
  t.ok(lstatSync(join(folder, 'gateway.yaml')).isSymbolicLink())
  t.equal(statSync(join(folder, 'real/gateway.yaml')).mode & 0o777, 0o640)
  t.ok(keysOf(join(folder, 'gateway.yaml'))['bob'])
  t.same(readdirSync(join(folder, 'real')), ['gateway.yaml'])
})

t.test('a reader that opened the file before the edit reads all of the old content', async t => {
  const { folder, file, read } = folderWith(t, config())
  const open = openSync(file, 'r')
  t.equal((await run(folder, ['new', 'bob', '--role', 'reader'])).code, 0)
  t.equal(readFileSync(open, 'utf8'), config())
  closeSync(open)
  t.not(read(), config())
})

t.test('concurrent commands lose no edit', async t => {
  const { folder, file } = folderWith(t, config())
  const names = Array.from({ length: 6 }, (_, index) => `k${index}`)
  const outcomes = await Promise.all(
    names.map(name => spawned(t, [main, 'keys', 'new', name, '--role', 'reader'], folder)),
  )
  t.same(
    outcomes.map(({ code }) => code),
    names.map(() => 0),
  )
  const hashes = Object.fromEntries(
    Object.entries(keysOf(file)).map(([name, { secrets }]) => [name, secrets[0]!.hash]),
  )
  t.same(
    hashes,
    Object.fromEntries(names.map((name, index) => [name, hashSecret(outcomes[index]!.stdout.trimEnd())])),
  )
  t.same(readdirSync(folder), ['gateway.yaml'])
})

t.test('the lock of a dead process is taken over, and that of another machine is not', async t => {
  const { folder, file } = folderWith(t, config())
  const { pid } = await spawned(t, ['-e', ''], folder)
  writeFileSync(`${file}.lock`, `${pid} ${hostname()} 00000000-0000-4000-8000-000000000000\n`)
  t.equal((await run(folder, ['new', 'bob', '--role', 'reader'])).code, 0)
  for (const holder of [`${pid} elsewhere x\n`, `${process.pid} ${hostname()} x\n`, '']) {
    writeFileSync(`${file}.lock`, holder)
    await t.rejects(
      withLock(file, () => t.fail('the lock is held'), 0),
      LockedError,
    )
    t.equal(readFileSync(`${file}.lock`, 'utf8'), holder)
  }
})

t.test('a pipe in place of the lock blocked every command for ever', async t => {
  const kinds: Record<string, (lock: string) => void> = {
    pipe: lock => void execFileSync('mkfifo', [lock]),
    folder: lock => void mkdirSync(lock),
    'link to a device': lock => symlinkSync('/dev/zero', lock),
    'link to nothing': lock => symlinkSync('nowhere', lock),
    'link to a pipe': lock => {
      execFileSync('mkfifo', [`${lock}.pipe`])
      symlinkSync(`${lock}.pipe`, lock)
    },
  }
  for (const [kind, make] of Object.entries(kinds)) {
    const { folder, file, read } = folderWith(t, config())
    make(`${file}.lock`)
    const { code, stdout, stderr } = await run(folder, ['new', 'bob', '--role', 'reader'])
    t.match(
      { code, stdout, stderr },
      { code: 2, stdout: '', stderr: /gateway\.yaml\.lock is not a lock file/ },
      kind,
    )
    t.equal(read(), config())
    t.ok(lstatSync(`${file}.lock`), 'it stays')
  }
  const { file } = folderWith(t, config())
  writeFileSync(`${file}.lock`, Buffer.alloc(64 * 1024 * 1024, '1'))
  await t.rejects(
    withLock(file, () => t.fail('the lock is held'), 0),
    LockedError,
    'a file that is too large',
  )
})

t.test('the content of a stale lock was used as part of a path', async t => {
  const { folder, file } = folderWith(t, config())
  const { pid } = await spawned(t, ['-e', ''], folder)
  mkdirSync(join(folder, 'kept'))
  mkdirSync(`${file}.lock.x`)
  for (const word of ['x/../kept/victim', '../kept/victim', '/../../kept/victim', 'x\u001b[2J']) {
    writeFileSync(join(folder, 'kept/victim.stale'), 'kept')
    writeFileSync(`${file}.lock`, `${pid} ${hostname()} ${word}\n`)
    await withLock(file, () => undefined, 0).catch(() => {})
    t.equal(readFileSync(join(folder, 'kept/victim.stale'), 'utf8'), 'kept', word)
    rmSync(join(folder, 'kept/victim.stale'))
    writeFileSync(`${file}.lock`, `${pid} ${hostname()} ${word}\n`)
    await withLock(file, () => undefined, 0).catch(() => {})
    t.same(readdirSync(join(folder, 'kept')), [], word)
    rmSync(`${file}.lock`, { force: true })
  }
  writeFileSync(`${file}.lock`, `${pid} \u001b[2J\u202e x\n`)
  await t.rejects(
    withLock(file, () => undefined, 0),
    { message: /\\u001b\[2J\\u202e/ },
    'terminal escapes are not printed',
  )
})

t.test('a command waits for the lock, and releases it when it fails', async t => {
  const { folder, file } = folderWith(t, '')
  writeFileSync(`${file}.lock`, `${process.pid} ${hostname()} x\n`)
  let free = false
  const waiting = withLock(file, () => free)
  free = true
  rmSync(`${file}.lock`)
  t.equal(await waiting, true)
  await t.rejects(
    withLock(file, () => JSON.parse('no')),
    SyntaxError,
  )
  t.same(readdirSync(folder), ['gateway.yaml'])
})

t.test('a signal waits until the file and the secret are written', async t => {
  const { folder, file } = folderWith(t, '')
  const lock = JSON.stringify(join(import.meta.dirname, '../gateway/commands/keys/lock.ts'))
  const work = `process.kill(process.pid, 'SIGINT'); fs.readdirSync('.'); fs.writeSync(1, 'secret')`
  const outcome = await spawned(
    t,
    ['-e', `import(${lock}).then(({ withLock }) => withLock(${JSON.stringify(file)}, () => { ${work} }))`],
    folder,
  )
  t.match(outcome, { code: 0, stdout: 'secret', stderr: '' })
  t.same(readdirSync(folder), ['gateway.yaml'])
})
