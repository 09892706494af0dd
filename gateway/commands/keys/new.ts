import { newSecret } from '../../auth/api-key/key.ts'
import { relativePath } from '../../config/report/render.ts'
import { parseCommandLine } from '../cli/arguments.ts'
import type { Io } from '../cli/io.ts'
import { adding, addKeys, fieldsFrom, type Added } from './add.ts'
import { reporting } from './change.ts'
import { editing, editingExitCodes, nameFrom, orUsage } from './options.ts'

const options = { ...adding, ...editing } as const

export const help = {
  name: 'keys new',
  args: 'NAME --role ROLE',
  maxPositionals: 1,
  paragraphs: [
    'Adds a key with a new secret to the configuration, which holds only the hash. The secret is printed on stdout once, and stored nowhere.',
  ],
  options,
  exitCodes: editingExitCodes,
} as const

/** Runs the command. Returns the exit code. */
export async function run(args: string[], io: Io): Promise<number> {
  const parsed = await parseCommandLine(args, help, io)
  if (!parsed.ok) return parsed.exitCode
  const { values, positionals } = parsed
  const wanted = orUsage(help, io, () => ({ name: nameFrom(positionals), fields: fieldsFrom(values) }))
  if (typeof wanted === 'number') return wanted
  const { name, fields } = wanted
  return reporting(io, async () => {
    const write = !values['dry-run']
    const secret = newSecret()
    const shown = {
      secret,
      expires: fields.expires,
      json: values.format === 'json',
      quiet: values.quiet,
      write,
    }
    await addKeys(values.config, values.into, fields, [{ name, secret }], io, write, added =>
      report(added, shown, io),
    )
    return 0
  })
}

function report(
  { keys, note, file, text }: Added,
  {
    secret,
    expires,
    json,
    quiet,
    write,
  }: { secret: string; expires: string | undefined; json: boolean; quiet: boolean; write: boolean },
  io: Io,
): void {
  const { name, hash } = keys[0]!
  const say = (line: string): void => void (quiet || io.stderr(`${line}\n`))
  const shown = relativePath(file, io.cwd)
  if (note !== undefined) say(note)
  if (!write) {
    io.stdout(json ? `${JSON.stringify({ schemaVersion: 1, dryRun: true, name, file, text })}\n` : text)
    say('nothing was written; the secret of the hash above was discarded')
    return
  }
  const end = expires === undefined ? 'never expires' : `expires at ${expires}`
  say(`added key ${name} to ${shown}; it ${end}`)
  say('its secret, which is shown once and stored nowhere:')
  io.stdout(json ? `${JSON.stringify({ schemaVersion: 1, name, secret, hash, file })}\n` : `${secret}\n`)
}
