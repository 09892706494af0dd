import { isUtf8 } from 'node:buffer'
import { resolve } from 'node:path'
import { hashArgon2 } from '../../auth/api-key/argon2.ts'
import { hashSecret, looksLikeKey } from '../../auth/api-key/key.ts'
import { hasArgon2 } from '../../values/argon2.ts'
import { parseCommandLine, readStdin, type Io } from '../cli/io.ts'
import { read, reporting, valid } from './change.ts'
import { pepperOf } from './pepper.ts'

const usage = `gatehouse keys hash [-c FILE | --argon2id] < SECRET

Prints what stands in gateway.yaml for a secret that you have: sha256: and 64 hex
digits. With -c, and where that configuration has a pepper, it is hmac-sha256: and
64 hex digits, which is good for gateways with that pepper only.

The secret is read from stdin, one line of at most 4 KiB, and never from the
arguments, which other users of the machine and the history of the shell can see.

  -c, --config FILE      the configuration whose pepper to take
  --argon2id             a hash that is slow to try, with a salt of its own: for a
                         secret that people chose, or of fewer than 32 characters.
                         A random one is as safe without, and costs the gateway
                         nothing
`

const options = { config: { type: 'string', short: 'c' }, argon2id: { type: 'boolean' } } as const

const largest = 4096
const fewest = 32
const minArgon2Length = 12

/** The command. Returns the exit code. */
export async function hash(args: string[], io: Io): Promise<number> {
  const at = args.findIndex(argument => argument === '-c' || argument === '--config')
  const others = at === -1 ? args : args.toSpliced(at, 2)
  if (others.some(argument => !['-', '--argon2id', '--help', '-h'].includes(argument))) {
    // What was written may be the secret, and is not repeated.
    io.stderr(`gatehouse: the secret is read from stdin, never from the arguments\n\nusage: ${usage}`)
    return 2
  }
  const parsed = parseCommandLine(args, options, usage, io, { positionals: 1 })
  if (!parsed.ok) return parsed.exitCode
  const input = await readStdin(io, largest + '\r\n'.length)
  const secret = input.toString('utf8').replace(/\r?\n$/, '')
  const why = whyUnfit(input, secret)
  if (why !== undefined) {
    io.stderr(`gatehouse: ${why}\n`)
    return 2
  }
  const { config, argon2id = false } = parsed.values
  const least = argon2id ? minArgon2Length : fewest
  if (secret.length < least) {
    const instead = argon2id ? '' : ', and `--argon2id` makes trying slow'
    io.stderr(
      `warning: a secret of fewer than ${least} characters can be found by trying; \`gatehouse keys new\` makes a good one${instead}\n`,
    )
  }
  if (argon2id) {
    const why = whyNotSlowly(secret, config)
    if (why === undefined) io.stdout(`${await hashArgon2(secret)}\n`)
    else io.stderr(`gatehouse: ${why}\n`)
    return why === undefined ? 0 : 2
  }
  return reporting(io, () => {
    const { pepper, note } = pepperOf(
      config === undefined ? undefined : valid(read(resolve(io.cwd, config), io, new Date())),
    )
    if (note !== undefined) io.stderr(`${note}\n`)
    io.stdout(`${hashSecret(secret, pepper)}\n`)
    return 0
  })
}

function whyNotSlowly(secret: string, config: string | undefined): string | undefined {
  if (config !== undefined) return 'an argon2id: hash takes no pepper; leave out -c, or --argon2id'
  if (looksLikeKey(secret)) {
    return 'this is a key that Gatehouse made, which is never tried against argon2id: hashes; leave out --argon2id'
  }
  return hasArgon2() ? undefined : `this Node, ${process.version}, cannot compute Argon2; run 24.7 or later`
}

function whyUnfit(input: Buffer, secret: string): string | undefined {
  if (secret === '') return 'there is no secret on stdin'
  if (Buffer.byteLength(secret) > largest) return 'a secret has at most 4 KiB'
  if (/[\r\n]/.test(secret)) return 'a secret is one line, and there are several on stdin'
  if (!isUtf8(input)) return 'a secret is text in UTF-8'
  return undefined
}
