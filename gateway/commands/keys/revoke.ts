import { shownPath } from '../../config/render.ts'
import { parseCommandLine, type Io } from '../io.ts'
import { Refused, reporting, valid, withConfig, type OpenConfig } from './change.ts'
import { editing, editingUsage, isJson, nameFrom, noSuchKey, orUsage, placeOf } from './options.ts'

const usage = `gatehouse keys revoke NAME [options]

Disables a key: it is refused, and its open streams end, as soon as the gateway
has applied the file.

${editingUsage}`

/** The command. Returns the exit code. */
export async function revoke(args: string[], io: Io): Promise<number> {
  const parsed = parseCommandLine(args, editing, usage, io, { positionals: 1 })
  if (!parsed.ok) return parsed.exitCode
  const { values, positionals } = parsed
  const wanted = orUsage(usage, io, () => ({ name: nameFrom(positionals), json: isJson(values.format) }))
  if (typeof wanted === 'number') return wanted
  return reporting(io, () =>
    withConfig(values.config, io, !values['dry-run'], open => disable(open, wanted, values, io)),
  )
}

function disable(
  open: OpenConfig,
  { name, json }: { name: string; json: boolean },
  { quiet, 'dry-run': dryRun }: { quiet: boolean; 'dry-run': boolean },
  io: Io,
): number {
  const loaded = valid(open.result)
  if (!Object.hasOwn(loaded.config.keys, name)) throw new Refused(noSuchKey(loaded, name))
  const { file } = placeOf(loaded, name, io.cwd)
  const changed = !loaded.config.keys[name]!.disabled
  const changes = changed ? [{ set: ['keys', name, 'disabled'], to: true }] : []
  const text = open.change(file, changes)
  if (json)
    io.stdout(
      `${JSON.stringify({ schemaVersion: 1, name, file, changed, ...(dryRun && { dryRun, text }) })}\n`,
    )
  else if (dryRun) io.stdout(text)
  if (quiet) return 0
  const shown = shownPath(file, io.cwd)
  if (dryRun) io.stderr('nothing was written\n')
  else
    io.stderr(
      changed ? `key ${name} in ${shown} is disabled\n` : `key ${name} in ${shown} was disabled already\n`,
    )
  return 0
}
