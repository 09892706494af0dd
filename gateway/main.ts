#!/usr/bin/env node
import { keepInspectorShut } from './commands/cli/inspector.ts'
import type { Io } from './commands/cli/io.ts'
import { createLogSink } from './observe/log-sink.ts'
import { printableLines } from './lib/printable.ts'

keepInspectorShut()

type Command = (args: string[], io: Io) => Promise<number>

/** Loaded when asked for, so that no command pays for another. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  run: async () => (await import('./commands/run.ts')).run,
  demo: async () => (await import('./commands/demo.ts')).demo,
  validate: async () => (await import('./commands/validate.ts')).validate,
  lint: async () => (await import('./commands/lint.ts')).lint,
  schema: async () => (await import('./commands/schema.ts')).schema,
  keys: async () => (await import('./commands/keys.ts')).keys,
}

const usage = `gatehouse <command> [-c gateway.yaml]

  run        serve, and apply changes of the file as they are saved
  demo       a mock MCP server, a gateway before it, and a fresh key
  validate   say everything that is wrong with a configuration
  lint       advice on what is valid, and better not done
  schema     print the JSON Schema of gateway.yaml
  keys       new, rotate, revoke, list, hash

gatehouse <command> --help says more.
`

const io: Io = {
  stdin: process.stdin,
  stdout: text => void process.stdout.write(text),
  stderr: text => void process.stderr.write(printableLines(text)),
  logSink: createLogSink(process.stderr),
  env: process.env,
  cwd: process.cwd(),
  colour: process.stderr.isTTY && !process.env['NO_COLOR'],
}

// A reader that has gone is no reason to stop serving. Commands that were to answer it have failed.
let wasTold = true
process.stdout.on('error', () => (wasTold = false))
process.stderr.on('error', () => {})
process.on('exit', () => {
  if (!wasTold && process.exitCode === 0 && !servers.has(name)) process.exitCode = 2
})

const servers = new Set(['run', 'demo'])
const [name = '', ...args] = process.argv.slice(2)
if (Object.hasOwn(commands, name)) {
  const command = await commands[name]!()
  process.exitCode = await command(args, io)
} else {
  const asked = name === '--help' || name === '-h' || name === 'help'
  if (asked) io.stdout(usage)
  else io.stderr(name === '' ? usage : `gatehouse: there is no command ${JSON.stringify(name)}\n\n${usage}`)
  process.exitCode = asked ? 0 : 2
}
