import { relativePath } from '../../config/report/render.ts'
import { parseCommandLine } from '../cli/arguments.ts'
import type { Io } from '../cli/io.ts'
import { Refused, reporting, valid, withConfig, type OpenConfig } from './change.ts'
import { editing, editingExitCodes, nameFrom, noSuchKey, orUsage, placeOf, UsageError } from './options.ts'
import { addRevocation, explainErrors, type Revoked } from './revoke-now.ts'

const options = {
  now: {
    type: 'boolean',
    default: false,
    help: 'Also add the key to the revocations file, which is applied even while the configuration has errors',
  },
  reason: {
    type: 'string',
    value: 'TEXT',
    default: 'revoked by gatehouse keys revoke',
    help: 'With --now, the reason that the file gives',
  },
  ...editing,
} as const

export const help = {
  name: 'keys revoke',
  args: 'NAME',
  maxPositionals: 1,
  paragraphs: [
    'Disables a key. As soon as the gateway has applied the file, the key is refused and its open streams end.',
  ],
  options,
  exitCodes: [
    ['0', 'The key is disabled'],
    ['1', 'The command was refused, or with --now only one of the two files could be changed'],
    editingExitCodes[2],
  ],
} as const

const maxReasonLength = 500

interface Wanted {
  readonly name: string
  readonly json: boolean
  readonly now: boolean
  readonly reason: string
  readonly quiet: boolean
  readonly dryRun: boolean
}

/** Runs the command. Returns the exit code. */
export async function run(args: string[], io: Io): Promise<number> {
  const parsed = await parseCommandLine(args, help, io)
  if (!parsed.ok) return parsed.exitCode
  const { values, positionals } = parsed
  const { now, reason, quiet, 'dry-run': dryRun } = values
  const wanted = orUsage(help, io, () => {
    if (reason.trim() === '' || reason.length > maxReasonLength)
      throw new UsageError(`\`--reason\` must have 1 to ${maxReasonLength} characters`)
    return { name: nameFrom(positionals), json: values.format === 'json', now, reason, quiet, dryRun }
  })
  if (typeof wanted === 'number') return wanted
  return reporting(io, () =>
    withConfig(values.config, io, !dryRun, open => {
      const revoked = now ? capture(() => addRevocation(open, wanted, !dryRun, io)) : undefined
      // An error in one of the files must not keep the other from being changed.
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
    // The key does not exist, or there is no file to write to: change nothing.
    if (error instanceof Refused && error.result === undefined) throw error
    return { error }
  }
}

function onlyRevoked(open: OpenConfig, { name, json, dryRun }: Wanted, revoked: Outcome, io: Io): number {
  if (revoked.value === undefined) throw revoked.error
  if (json) io.stdout(jsonOf({ name, changed: false, revocations: shownAs(revoked.value, dryRun) }, dryRun))
  else if (dryRun) io.stdout(revoked.value.text)
  reportRevoked(revoked.value, name, dryRun, io)
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
  const shown = relativePath(file, io.cwd)
  if (revoked !== undefined) reportRevoked(revoked, name, dryRun, io)
  if (dryRun) io.stderr('nothing was written\n')
  else
    io.stderr(
      changed ? `disabled key ${name} in ${shown}\n` : `key ${name} in ${shown} was already disabled\n`,
    )
  return 0
}

function shownAs({ file, changed, text }: Revoked, dryRun: boolean): Partial<Revoked> {
  return { file, changed, ...(dryRun && { text }) }
}

function jsonOf(fields: object, dryRun: boolean): string {
  return `${JSON.stringify({ schemaVersion: 1, ...fields, ...(dryRun && { dryRun }) })}\n`
}

function reportRevoked({ file, changed }: Revoked, name: string, dryRun: boolean, io: Io): void {
  const shown = relativePath(file, io.cwd)
  if (!dryRun)
    io.stderr(changed ? `added key ${name} to ${shown}\n` : `key ${name} was already in ${shown}\n`)
}
