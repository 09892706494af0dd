import type { Group, Help, Option } from './command.ts'

const width = 80
const gap = 2

/** Returns the `--help` text of a command. */
export function helpText({ name, args, paragraphs, options, exitCodes }: Help): string {
  return [
    `Usage: ${usageLine({ name, ...(args !== undefined && { args }) })}`,
    ...paragraphs.map(text => wrap(text, 0)),
    `Options:\n${rows(optionRows(options))}`,
    `Exit codes:\n${rows(exitCodes)}`,
  ]
    .map(block => `${block}\n`)
    .join('\n')
}

/** Returns the `--help` text of a group of commands. */
export function groupHelpText({ name, paragraphs, commands }: Group): string {
  const program = name === '' ? 'gatehouse' : `gatehouse ${name}`
  return [
    ...(name === '' ? paragraphs : []).map(text => wrap(text, 0)),
    `Usage: ${program} <command> [options]`,
    `Commands:\n${rows(commands.map(({ name, summary }) => [name, summary]))}`,
    ...(name === '' ? [] : paragraphs).map(text => wrap(text, 0)),
    wrap(
      `Run \`${program} <command> --help\` for the options of a command${name === '' ? ', and `gatehouse --version` for the version' : ''}.`,
      0,
    ),
  ]
    .map(block => `${block}\n`)
    .join('\n')
}

/** Returns the usage line of a command. */
export function usageLine({ name, args }: Pick<Help, 'name' | 'args'>): string {
  return ['gatehouse', name, ...(args === undefined ? [] : [args]), '[options]'].join(' ')
}

/** Returns each option as the user writes it, with its description. */
export function optionRows(options: Help['options']): [flag: string, text: string][] {
  return [
    ...Object.entries(options).map(([name, option]): [string, string] => [
      flagOf(name, option),
      textOf(option),
    ]),
    ['-h, --help', 'Show this help'],
  ]
}

function flagOf(name: string, option: Option): string {
  const long = option.default === true ? `--no-${name}` : `--${name}`
  const flag = option.short === undefined ? long : `-${option.short}, ${long}`
  return option.value === undefined ? flag : `${flag} ${option.value}`
}

function textOf(option: Option): string {
  const choices = option.choices === undefined ? '' : `: ${listed(option.choices)}`
  const usual = option.defaultHelp ?? (typeof option.default === 'string' ? option.default : undefined)
  return `${option.help}${choices}${usual === undefined ? '' : ` (default: ${usual})`}`
}

/** Joins words: `a, b or c`. */
export function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
}

function rows(cells: readonly (readonly [left: string, right: string])[]): string {
  const column = gap + Math.max(...cells.map(([left]) => left.length)) + gap
  return cells
    .map(([left, right]) => `${' '.repeat(gap)}${left}`.padEnd(column) + wrap(right, column))
    .join('\n')
}

/** Breaks a text into lines, and indents all except the first. */
function wrap(text: string, indent: number): string {
  const lines = ['']
  for (const word of text.split(' ')) {
    const last = lines.at(-1)!
    if (last === '') lines[lines.length - 1] = word
    else if (indent + last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines.join(`\n${' '.repeat(indent)}`)
}
