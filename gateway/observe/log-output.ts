import { logLine } from './log.ts'

/** Writes bytes of whole lines, and then says whether that failed; until then they stay as they are. */
export type LogSink = (bytes: Buffer, done: (error: Error | null | undefined) => void) => void

/** Where lines of the log go. */
export interface LogOutput {
  /** Takes whole lines. Never throws and never waits. */
  write(this: void, text: string): void
  /** Number of lines that could not be written so far. */
  droppedLines(this: void): number
  /** Returns whether everything was written within so many milliseconds. */
  finish(this: void, milliseconds: number): Promise<boolean>
}

/** Bytes that wait while the sink takes nothing. */
const maxHeld = 1024 * 1024
/** Bytes beside them for the line that says how many lines were lost. */
const maxTold = 1024
const lineFeed = 0x0a

/**
 * Makes an output that outlives its sink: what a reader that is gone, slow or full does not take is counted and thrown
 * away, the newest first. One line says how many were lost once writing works again.
 */
export function createLogOutput(sink: LogSink): LogOutput {
  // Two, of which one fills while the other is written. Texts that wait would survive collections, and fill the old space.
  let [held, spare] = [newBuffer(), newBuffer()]
  let heldLength = 0
  /** What is being written; undefined where nothing is. */
  let current: Buffer | undefined
  let dropped = 0
  /** Of these, how many no line has told of yet. */
  let untold = 0
  let onIdle: (() => void) | undefined

  const drop = (bytes: Buffer): void => {
    let lines = 0
    for (let at = bytes.indexOf(lineFeed); at !== -1; at = bytes.indexOf(lineFeed, at + 1)) lines++
    dropped += lines
    untold += lines
  }

  const tell = (): void => {
    const line = logLine('warn', 'log_lines_dropped', { lines: untold })
    untold = 0
    held.copy(held, Buffer.byteLength(line), 0, heldLength)
    heldLength += held.write(line)
  }

  const done = (error: Error | null | undefined): void => {
    if (error) drop(current!)
    else if (untold > 0) tell()
    current = undefined
    writeNext()
  }

  const writeNext = (): void => {
    if (heldLength === 0) {
      onIdle?.()
      return
    }
    current = held.subarray(0, heldLength)
    ;[held, spare] = [spare, held]
    heldLength = 0
    sink(current, done)
  }

  return {
    write(text) {
      if (heldLength + Buffer.byteLength(text) > maxHeld) {
        drop(Buffer.from(text))
        return
      }
      heldLength += held.write(text, heldLength)
      if (current === undefined) writeNext()
    },
    droppedLines: () => dropped,
    finish(milliseconds) {
      if (current === undefined) return Promise.resolve(true)
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

function newBuffer(): Buffer {
  return Buffer.allocUnsafeSlow(maxHeld + maxTold)
}
