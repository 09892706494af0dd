import { isUtf8 } from 'node:buffer'
import { hashSecret } from '../../access/key.ts'
import { parseCommandLine, readStdin, type Io } from '../io.ts'

const usage = `gatehouse keys hash < SECRET

Prints what stands in gateway.yaml for a secret that you have: sha256: and 64 hex
digits. The secret is read from stdin, one line of at most 4 KiB, and never from the
arguments, which other users of the machine and the history of the shell can see.
`

const largest = 4096
const fewest = 32

/** The command. Returns the exit code. */
export async function hash(args: string[], io: Io): Promise<number> {
  if (args.some(argument => !['-', '--help', '-h'].includes(argument))) {
    // What was written may be the secret, and is not repeated.
    io.stderr(`gatehouse: the secret is read from stdin, never from the arguments\n\nusage: ${usage}`)
    return 2
  }
  const parsed = parseCommandLine(args, {}, usage, io, { positionals: 1 })
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
  io.stdout(`${hashSecret(secret)}\n`)
  return 0
}

function whyUnfit(input: Buffer, secret: string): string | undefined {
  if (secret === '') return 'there is no secret on stdin'
  if (Buffer.byteLength(secret) > largest) return 'a secret has at most 4 KiB'
  if (/[\r\n]/.test(secret)) return 'a secret is one line, and there are several on stdin'
  if (!isUtf8(input)) return 'a secret is text in UTF-8'
  return undefined
}
