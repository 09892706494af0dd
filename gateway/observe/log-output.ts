import { logLine } from './log.ts'

/** Writes text, and then says whether that failed. */
export type LogSink = (text: string, done: (error: Error | null | undefined) => void) => void

/** Where lines of the log go. */
export interface LogOutput {
  /** Takes whole lines. Never throws and never waits. */
  write(this: void, text: string): void
  /** Number of lines that could not be written so far. */
  droppedLines(this: void): number
  /** Returns whether everything was written within so many milliseconds. */
  finish(this: void, milliseconds: number): Promise<boolean>
}

/** Characters that wait while the sink takes nothing. */
const maxHeld = 1024 * 1024

/**
 * Makes an output that outlives its sink: what a reader that is gone, slow or full does not take is counted and thrown
 * away, the newest first. One line says how many were lost once writing works again.
 */
export function createLogOutput(sink: LogSink): LogOutput {
  let held: string[] = []
  let heldLength = 0
  /** What is being written; empty where nothing is. */
  let current = ''
  let dropped = 0
  /** Of these, how many no line has told of yet. */
  let untold = 0
  let onIdle: (() => void) | undefined

  const drop = (text: string): void => {
    let lines = 0
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) lines++
    dropped += lines
    untold += lines
  }

  const done = (error: Error | null | undefined): void => {
    if (error) drop(current)
    else if (untold > 0) {
      held.unshift(logLine('warn', 'log_lines_dropped', { lines: untold }))
      untold = 0
    }
    current = ''
    writeNext()
  }

  const writeNext = (): void => {
    if (held.length === 0) {
      onIdle?.()
      return
    }
    current = held.length === 1 ? held[0]! : held.join('')
    held = []
    heldLength = 0
    sink(current, done)
  }

  return {
    write(text) {
      if (heldLength + text.length > maxHeld) {
        drop(text)
        return
      }
      held.push(text)
      heldLength += text.length
      if (current === '') writeNext()
    },
    droppedLines: () => dropped,
    finish(milliseconds) {
      if (current === '') return Promise.resolve(true)
      const { promise, resolve } = Promise.withResolvers<boolean>()
      const timer = setTimeout(() => resolve(false), milliseconds)
      onIdle = () => {
        clearTimeout(timer)
        resolve(true)
      }
      return promise
    },
  }
}
