import { shownPath } from '../../config/report/render.ts'
import { parseCommandLine, type Io } from '../cli/io.ts'
import { Refused, reporting, valid, withConfig, type OpenConfig } from './change.ts'
import {
  editing,
  editingUsage,
  isJson,
  nameFrom,
  noSuchKey,
  orUsage,
  placeOf,
  UsageError,
} from './options.ts'
import { addRevocation, explainErrors, type Revoked } from './revoke-now.ts'

const usage = `gatehouse keys revoke NAME [options]

Disables a key: it is refused, and its open streams end, as soon as the gateway
has applied the file.

  --now                  add the key to the revocations file too, which is applied
                         even while the configuration has errors
  --reason TEXT          with --now: why (default: revoked by gatehouse keys revoke)
${editingUsage}`

const options = {
  ...editing,
  now: { type: 'boolean', default: false },
  reason: { type: 'string', default: 'revoked by gatehouse keys revoke' },
} as const

const maxReason = 500

interface Wanted {
  readonly name: string
  readonly json: boolean
  readonly now: boolean
  readonly reason: string
  readonly quiet: boolean
  readonly dryRun: boolean
}

/** The command. Returns the exit code. */
export async function revoke(args: string[], io: Io): Promise<number> {
  const parsed = parseCommandLine(args, options, usage, io, { positionals: 1 })
  if (!parsed.ok) return parsed.exitCode
  const { values, positionals } = parsed
  const { now, reason, quiet, 'dry-run': dryRun } = values
  const wanted = orUsage(usage, io, () => {
    if (reason.trim() === '' || reason.length > maxReason)
      throw new UsageError(`a reason has 1 to ${maxReason} characters`)
    return { name: nameFrom(positionals), json: isJson(values.format), now, reason, quiet, dryRun }
  })
  if (typeof wanted === 'number') return wanted
  return reporting(io, () =>
    withConfig(values.config, io, !dryRun, open => {
      const revoked = now ? capture(() => addRevocation(open, wanted, !dryRun, io)) : undefined
      // A mistake in one of the files keeps nobody from changing the other.
      if (now && open.result.loaded === undefined) return onlyRevoked(open, wanted, revoked!, io)
      const code = disable(open, wanted, revoked?.value, io)
      if (revoked?.error !== undefined) throw revoked.error
      return code
    }),
  )
}

interface Outcome {
  readonly value?: Revoked
  readonly error?: unknown
}

function capture(work: () => Revoked): Outcome {
  try {
    return { value: work() }
  } catch (error) {
    // A key that does not exist, or no file to write to: then nothing is done.
    if (error instanceof Refused && error.result === undefined) throw error
    return { error }
  }
}

function onlyRevoked(open: OpenConfig, { name, json, dryRun }: Wanted, revoked: Outcome, io: Io): number {
  if (revoked.value === undefined) throw revoked.error
  if (json) io.stdout(jsonOf({ name, changed: false, revocations: shownAs(revoked.value, dryRun) }, dryRun))
  else if (dryRun) io.stdout(revoked.value.text)
  tellRevoked(revoked.value, name, dryRun, io)
  explainErrors(open, name, io)
  return 1
}

function disable(open: OpenConfig, wanted: Wanted, revoked: Revoked | undefined, io: Io): number {
  const { name, json, quiet, dryRun } = wanted
  const loaded = valid(open.result)
  if (!Object.hasOwn(loaded.config.keys, name)) throw new Refused(noSuchKey(loaded, name))
  const { file } = placeOf(loaded, name, io.cwd)
  const changed = !loaded.config.keys[name]!.disabled
  const changes = changed ? [{ set: ['keys', name, 'disabled'], to: true }] : []
  const text = open.change(file, changes)
  const revocations = revoked && shownAs(revoked, dryRun)
  if (json) io.stdout(jsonOf({ name, file, changed, ...(dryRun && { text }), revocations }, dryRun))
  else if (dryRun) io.stdout(revoked === undefined ? text : `${text}---\n${revoked.text}`)
  if (quiet) return 0
  const shown = shownPath(file, io.cwd)
  if (revoked !== undefined) tellRevoked(revoked, name, dryRun, io)
  if (dryRun) io.stderr('nothing was written\n')
  else
    io.stderr(
      changed ? `key ${name} in ${shown} is disabled\n` : `key ${name} in ${shown} was disabled already\n`,
    )
  return 0
}

function shownAs({ file, changed, text }: Revoked, dryRun: boolean): Partial<Revoked> {
  return { file, changed, ...(dryRun && { text }) }
}

function jsonOf(fields: object, dryRun: boolean): string {
  return `${JSON.stringify({ schemaVersion: 1, ...fields, ...(dryRun && { dryRun }) })}\n`
}

function tellRevoked({ file, changed }: Revoked, name: string, dryRun: boolean, io: Io): void {
  const shown = shownPath(file, io.cwd)
  if (!dryRun) io.stderr(changed ? `key ${name} is in ${shown}\n` : `key ${name} was in ${shown} already\n`)
}
