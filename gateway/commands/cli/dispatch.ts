import { readFileSync } from 'node:fs'
import { usageError } from './arguments.ts'
import type { Group } from './command.ts'
import { didYouMean } from './did-you-mean.ts'
import { groupHelpText } from './help.ts'
import type { Io } from './io.ts'

function version(): string {
  const file = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(file) as { version: string }).version
}

/**
 * Runs the command of a group that the first argument names. Returns its exit code: 0 for `--help` and `--version`, and
 * 2 when the command is unknown or missing.
 */
export async function dispatch(group: Group, [name = '', ...args]: string[], io: Io): Promise<number> {
  const row = group.commands.find(command => command.name === name)
  if (row !== undefined) return (await row.load()).run(args, io)
  if (name === '--help' || name === '-h' || name === 'help') {
    io.stdout(groupHelpText(group))
    return 0
  }
  if (group.name === '' && (name === '--version' || name === '-V' || name === 'version')) {
    io.stdout(`gatehouse ${version()}\n`)
    return 0
  }
  if (name === '') {
    io.stderr(groupHelpText(group))
    return 2
  }
  const hint = await didYouMean(
    name,
    group.commands.map(command => command.name),
  )
  return usageError(`unknown command \`${[group.name, name].join(' ').trim()}\`${hint}`, group, io)
}
