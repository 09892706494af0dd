import type { ReadStream } from 'node:tty'
import type { Io } from './io.ts'

/** Exit code of a program that Ctrl-C ended. */
const interrupted = 130

/** Returns the terminal that stdin is; undefined for a file or a pipe. */
export function terminalOf({ stdin }: Pick<Io, 'stdin'>): ReadStream | undefined {
  const terminal = stdin as ReadStream
  return terminal.isTTY && typeof terminal.setRawMode === 'function' ? terminal : undefined
}

/** Asks for a secret on a terminal, which does not show it. Returns what was typed, or exit code 130 after Ctrl-C. */
export async function promptSecret(
  terminal: ReadStream,
  question: string,
  { stderr }: Pick<Io, 'stderr'>,
): Promise<string | number> {
  // Before the question, so that nothing that is typed as the answer is shown.
  terminal.setRawMode(true)
  try {
    stderr(question)
    let typed = ''
    for await (const chunk of terminal.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
      for (const character of chunk as string) {
        if (character === '\r' || character === '\n' || character === '\u0004') return typed
        if (character === '\u0003') return interrupted
        if (character === '\u007f' || character === '\b') typed = [...typed].slice(0, -1).join('')
        else if (character === '\u0015') typed = ''
        else typed += character
      }
    }
    return typed
  } finally {
    terminal.setRawMode(false)
    terminal.pause()
    stderr('\n')
  }
}
