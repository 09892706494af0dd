import { isUtf8 } from 'node:buffer'
import { resolve } from 'node:path'
import { hashSecret } from '../../access/key.ts'
import { parseCommandLine, readStdin, type Io } from '../io.ts'
import { read, reporting, valid } from './change.ts'
import { seasoningOf } from './pepper.ts'

const usage = `gatehouse keys hash [-c FILE] < SECRET

Prints what stands in gateway.yaml for a secret that you have: sha256: and 64 hex
digits. With -c, and where that configuration has a pepper, it is hmac-sha256: and
64 hex digits, which is good for gateways with that pepper only. The secret is read from stdin, one line of at most 4 KiB, and never from the
arguments, which other users of the machine and the history of the shell can see.
`

const options = { config: { type: 'string', short: 'c' } } as const

const largest = 4096
const fewest = 32

/** The command. Returns the exit code. */
export async function hash(args: string[], io: Io): Promise<number> {
  const at = args.findIndex(argument => argument === '-c' || argument === '--config')
  const others = at === -1 ? args : args.toSpliced(at, 2)
  if (others.some(argument => !['-', '--help', '-h'].includes(argument))) {
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
  if (secret.length < fewest) {
    io.stderr(
      `warning: a secret of fewer than ${fewest} characters can be found by trying; \`gatehouse keys new\` makes a good one\n`,
    )
  }
  const { config } = parsed.values
  return reporting(io, () => {
    const { pepper, note } = seasoningOf(
      config === undefined ? undefined : valid(read(resolve(io.cwd, config), io, new Date())),
    )
    if (note !== undefined) io.stderr(`${note}\n`)
    io.stdout(`${hashSecret(secret, pepper)}\n`)
    return 0
  })
}

function whyUnfit(input: Buffer, secret: string): string | undefined {
  if (secret === '') return 'there is no secret on stdin'
  if (Buffer.byteLength(secret) > largest) return 'a secret has at most 4 KiB'
  if (/[\r\n]/.test(secret)) return 'a secret is one line, and there are several on stdin'
  if (!isUtf8(input)) return 'a secret is text in UTF-8'
  return undefined
}
