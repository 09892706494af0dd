import { isUtf8 } from 'node:buffer'
import { looksLikeKey } from '../../auth/api-key/key.ts'
import { relativePath } from '../../config/report/render.ts'
import { parseCommandLine } from '../cli/arguments.ts'
import { readStdin, type Io } from '../cli/io.ts'
import { terminalOf } from '../cli/prompt.ts'
import { adding, addKeys, fieldsFrom, type Added, type NewKey } from './add.ts'
import { Refused, reporting } from './change.ts'
import { editing, editingExitCodes, isName, orUsage, UsageError } from './options.ts'
import { minLength, whyUnfit } from './secret-text.ts'

const options = { ...adding, ...editing } as const

export const help = {
  name: 'keys import',
  args: '--role ROLE',
  paragraphs: [
    'Adds keys with existing secrets to the configuration, which holds only their hashes. All keys get the same roles and the same other fields. If one of them cannot be added, none is.',
    'Reads stdin, so add `< FILE`. Each line is the name of a key, a blank or a comma, and its secret, or its hash with the prefix sha256:, hmac-sha256: or argon2id:. Empty lines, and lines that begin with #, are skipped.',
  ],
  options,
  exitCodes: editingExitCodes,
} as const

const maxInputBytes = 16 * 2 ** 20
const maxShownLines = 5

/** Runs the command. Returns the exit code. */
export async function run(args: string[], io: Io): Promise<number> {
  const parsed = await parseCommandLine(args, help, io)
  if (!parsed.ok) return parsed.exitCode
  const { values } = parsed
  const fields = orUsage(help, io, () => {
    if (terminalOf(io) !== undefined) throw new UsageError('the keys are read from stdin; add `< FILE`')
    return fieldsFrom(values)
  })
  if (typeof fields === 'number') return fields
  return reporting(io, async () => {
    const input = await readStdin(io, maxInputBytes)
    const { keys, weak } = parseKeys(input)
    const write = !values['dry-run']
    await addKeys(values.config, values.into, fields, keys, io, write, added =>
      report(added, weak, { json: values.format === 'json', quiet: values.quiet, write }, io),
    )
    return 0
  })
}

/** Parses the lines. Throws Refused with the number of a line, never with its content, which may be a secret. */
function parseKeys(input: Buffer): { keys: NewKey[]; weak: number[] } {
  if (input.length > maxInputBytes) throw new Refused('stdin is larger than 16 MiB')
  if (!isUtf8(input)) throw new Refused('stdin is not UTF-8')
  const lines = new Map<string, number>()
  const keys: NewKey[] = []
  const weak: number[] = []
  for (const [index, line] of input.toString('utf8').split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue
    const number = index + 1
    const key = parseLine(line, number)
    const earlier = lines.get(key.name)
    if (earlier !== undefined)
      throw new Refused(`line ${number}: key \`${key.name}\` is also on line ${earlier}`)
    lines.set(key.name, number)
    keys.push(key)
    if ('secret' in key && key.secret.length < minLength) weak.push(number)
  }
  if (keys.length === 0) throw new Refused('stdin has no keys; write a name and a secret on each line')
  return { keys, weak }
}

function parseLine(line: string, number: number): NewKey {
  const refused = (why: string): Refused => new Refused(`line ${number}: ${why}`)
  const end = line.search(/[\s,]/)
  const name = line.slice(0, Math.max(end, 0))
  const secret = name === '' ? '' : line.slice(end).trimStart().replace(/^,/, '').trimStart()
  if (secret === '') throw refused('a name, a blank or a comma, and a secret are needed')
  const isSwapped = looksLikeKey(name) || (name.length >= minLength && secret.length < minLength)
  if (isSwapped) throw refused('the name of the key comes first, then its secret')
  if (!isName(name)) throw refused('the name of the key is not valid; see the field `keys`')
  const why = whyUnfit(secret)
  if (why !== undefined) throw refused(why)
  return /^(?:sha256|hmac-sha256|argon2id):/.test(secret) ? { name, hash: secret } : { name, secret }
}

function report(
  { keys, note, file, text }: Added,
  weak: readonly number[],
  { json, quiet, write }: { json: boolean; quiet: boolean; write: boolean },
  io: Io,
): void {
  const say = (line: string): void => void (quiet || io.stderr(`${line}\n`))
  if (note !== undefined) say(note)
  if (weak.length > 0) {
    const more = weak.length > maxShownLines ? ` and ${weak.length - maxShownLines} more` : ''
    say(
      `gatehouse: warning: secrets of fewer than ${minLength} characters can be guessed: line ${weak.slice(0, maxShownLines).join(', ')}${more}; replace them with \`gatehouse keys rotate\``,
    )
  }
  if (!write) {
    const names = keys.map(({ name }) => name)
    io.stdout(json ? `${JSON.stringify({ schemaVersion: 1, dryRun: true, names, file, text })}\n` : text)
    say('nothing was written')
    return
  }
  const count = keys.length === 1 ? '1 key' : `${keys.length} keys`
  say(`added ${count} to ${relativePath(file, io.cwd)}`)
  if (json) io.stdout(`${JSON.stringify({ schemaVersion: 1, keys, file })}\n`)
}
