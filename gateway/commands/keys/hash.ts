import { isUtf8 } from 'node:buffer'
import { resolve } from 'node:path'
import { hashArgon2 } from '../../auth/api-key/argon2.ts'
import { hashSecret, looksLikeKey } from '../../auth/api-key/key.ts'
import { hasArgon2 } from '../../values/argon2.ts'
import { parseCommandLine, usageError } from '../cli/arguments.ts'
import { readStdin, type Io } from '../cli/io.ts'
import { promptSecret, terminalOf } from '../cli/prompt.ts'
import { read, reporting, valid } from './change.ts'
import { pepperOf } from './pepper.ts'
import { maxSecretBytes, minLength, whyUnfit } from './secret-text.ts'

const options = {
  config: {
    type: 'string',
    short: 'c',
    value: 'FILE',
    help: 'Configuration whose pepper to use',
  },
  argon2id: {
    type: 'boolean',
    default: false,
    help: 'Print a slow, salted hash: for a secret that a person chose, or one of fewer than 32 characters. A random secret is as safe without it, and costs the gateway nothing',
  },
} as const

export const help = {
  name: 'keys hash',
  paragraphs: [
    'Prints the hash of an existing secret, as gateway.yaml needs it: sha256: and 64 hex digits. With -c, if that configuration has a pepper, it prints hmac-sha256: and 64 hex digits, which only gateways with that pepper accept.',
    'The secret is one line of at most 4 KiB on stdin. On a terminal, the command asks for it and does not show it. It is never an argument, because other users of the machine and the history of the shell can see arguments.',
  ],
  // The `-` that other programs take for stdin.
  maxPositionals: 1,
  options,
  exitCodes: [
    ['0', 'The hash was printed'],
    ['1', 'The configuration has errors'],
    ['2', 'Invalid usage, an unsuitable secret, or a configuration that cannot be read'],
  ],
} as const

const minArgon2Length = 12

/** Runs the command. Returns the exit code. */
export async function run(args: string[], io: Io): Promise<number> {
  const at = args.findIndex(argument => argument === '-c' || argument === '--config')
  const others = at === -1 ? args : args.toSpliced(at, 2)
  if (others.some(argument => !['-', '--argon2id', '--help', '-h'].includes(argument))) {
    // The argument may be the secret, so the message does not repeat it.
    return usageError('the secret is read from stdin, never from the arguments', help, io)
  }
  const parsed = await parseCommandLine(args, help, io)
  if (!parsed.ok) return parsed.exitCode
  const secret = await readSecret(io)
  if (typeof secret === 'number') return secret
  const { config, argon2id } = parsed.values
  const least = argon2id ? minArgon2Length : minLength
  if (secret.length < least) {
    const instead = argon2id ? '' : ', or slow down guessing with `--argon2id`'
    io.stderr(
      `gatehouse: warning: a secret of fewer than ${least} characters can be guessed; create one with \`gatehouse keys new\`${instead}\n`,
    )
  }
  if (argon2id) {
    const why = whyNotArgon2(secret, config)
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

function whyNotArgon2(secret: string, config: string | undefined): string | undefined {
  if (config !== undefined) return 'an argon2id: hash has no pepper; leave out `-c` or `--argon2id`'
  if (looksLikeKey(secret)) {
    return 'this secret was created by Gatehouse, and such secrets are never compared with argon2id: hashes; leave out `--argon2id`'
  }
  return hasArgon2() ? undefined : `Node ${process.version} cannot compute Argon2; use Node 24.7 or later`
}

/** Reads the secret from stdin; on a terminal, asks for it. Reports one that is unfit, and returns the exit code. */
async function readSecret(io: Io): Promise<string | number> {
  const terminal = terminalOf(io)
  const input =
    terminal === undefined
      ? await readStdin(io, maxSecretBytes + '\r\n'.length)
      : await promptSecret(terminal, 'Secret (not shown): ', io)
  if (typeof input === 'number') return input
  const secret = input.toString('utf8').replace(/\r?\n$/, '')
  const isText = typeof input === 'string' || isUtf8(input)
  const why =
    secret === ''
      ? 'the secret is empty; write it to stdin'
      : isText
        ? whyUnfit(secret)
        : 'a secret must be valid UTF-8'
  if (why === undefined) return secret
  io.stderr(`gatehouse: ${why}\n`)
  return 2
}
