#!/usr/bin/env node
import { dispatch } from './commands/cli/dispatch.ts'
import { keepInspectorShut } from './commands/cli/inspector.ts'
import type { Io } from './commands/cli/io.ts'
import { program } from './commands/registry.ts'
import { createLogSink } from './observe/log-sink.ts'
import { printableLines } from './lib/printable.ts'

keepInspectorShut()

const io: Io = {
  stdin: process.stdin,
  stdout: text => void process.stdout.write(text),
  stderr: text => void process.stderr.write(printableLines(text)),
  logSink: createLogSink(process.stderr),
  env: process.env,
  cwd: process.cwd(),
  color: process.stderr.isTTY && !process.env['NO_COLOR'],
}

const args = process.argv.slice(2)
const serves = program.commands.some(row => row.name === args[0] && row.serves)

// A gateway goes on when nobody reads stdout. A command whose result could not be written has failed.
let isWritten = true
process.stdout.on('error', () => (isWritten = false))
process.stderr.on('error', () => {})
process.on('exit', () => {
  if (!isWritten && process.exitCode === 0 && !serves) process.exitCode = 2
})

process.exitCode = await dispatch(program, args, io)
