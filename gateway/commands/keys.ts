import { usageError, type Io } from './cli/io.ts'
import { hash } from './keys/hash.ts'
import { list } from './keys/list.ts'
import { newKey } from './keys/new.ts'
import { revoke } from './keys/revoke.ts'
import { rotate } from './keys/rotate.ts'

const usage = `gatehouse keys <new | rotate | revoke | list | hash> [options]

  new NAME --role ROLE   add a key to gateway.yaml and print its secret, once
  rotate NAME            give a key a new secret beside the old, which ends soon
  revoke NAME            disable a key
  list                   who holds keys, and until when
  hash                   the hash of a secret that you have, read from stdin

gateway.yaml is edited in place: comments, order and layout stay as they are.
gatehouse keys <command> --help says more.
`

const commands: Readonly<Record<string, (args: string[], io: Io) => Promise<number>>> = {
  new: newKey,
  rotate,
  revoke,
  list,
  hash,
}

/** Runs one of the commands around keys. Returns 0 when it did, 1 when it may not, 2 for usage or input and output. */
export async function keys(args: string[], io: Io): Promise<number> {
  const [name = '', ...rest] = args
  if (name === '--help' || name === '-h') {
    io.stdout(`usage: ${usage}`)
    return 0
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (command !== undefined) return command(rest, io)
  return usageError(name === '' ? 'which command?' : `there is no command 'keys ${name}'`, usage, io).exitCode
}
