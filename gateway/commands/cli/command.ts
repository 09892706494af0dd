import type { Io } from './io.ts'

/** One option, for node:util parseArgs and for the help. */
export interface Option {
  readonly type: 'string' | 'boolean'
  readonly short?: string
  readonly multiple?: boolean
  /** Value when the option is left out. A boolean that is true by default is shown, and turned off, as `--no-NAME`. */
  readonly default?: string | boolean | string[]
  /** Placeholder for the value in the help, such as FILE. */
  readonly value?: string
  /** The only values that are accepted. */
  readonly choices?: readonly string[]
  /** Effect of the option: a phrase without a full stop. */
  readonly help: string
  /** Default as the help shows it, when it differs from `default`. */
  readonly defaultHelp?: string
}

/** Options of a command by their long name. */
export type Options = Readonly<Record<string, Option>>

/** Description of a command, from which `--help` and docs/cli.md are made. */
export interface Help<Known extends Options = Options> {
  /** Words after `gatehouse`, such as `keys new`. */
  readonly name: string
  /** Positional and required arguments as the usage line shows them, such as `NAME --role ROLE`. */
  readonly args?: string
  /** Largest number of positional arguments (default: 0). */
  readonly maxPositionals?: number
  readonly paragraphs: readonly string[]
  readonly options: Known
  readonly exitCodes: readonly (readonly [code: string, meaning: string])[]
}

/** Commands that share a name, such as those of `gatehouse keys`. */
export interface Group {
  /** Words after `gatehouse`; empty for the program itself. */
  readonly name: string
  readonly paragraphs: readonly string[]
  readonly commands: readonly CommandRow[]
}

/** Exports of the file of a command. */
export interface CommandModule {
  readonly help: Help | Group
  /** Runs the command with the arguments after its name. Returns the exit code. */
  readonly run: (args: string[], io: Io) => Promise<number>
}

/** One row of a list of commands. */
export interface CommandRow {
  readonly name: string
  readonly summary: string
  /** Loads the command when it is asked for, so that no command pays for another. */
  readonly load: () => Promise<CommandModule>
  /** Whether the command serves until it is stopped, so that a closed stdout is not a failure. */
  readonly serves?: true
}
