import { logLine } from './log.ts'

/** Writes whole lines, then calls `done`. The bytes do not change until then. */
export type LogSink = (bytes: Buffer, done: (error: Error | null | undefined) => void) => void

/** Destination of the log. */
export interface LogOutput {
  /** Takes whole lines. Never throws and never waits. */
  write(this: void, text: string): void
  /** Returns the number of lines that could not be written so far. */
  droppedLines(this: void): number
  /** Waits until everything is written. Resolves with false if that takes longer. */
  finish(this: void, timeoutMs: number): Promise<boolean>
}

/** Largest number of bytes that wait while the sink is busy. */
const maxHeldBytes = 1024 * 1024
/** Further bytes for the line that reports dropped lines. */
const maxReportBytes = 1024
const lineFeed = 0x0a

/**
 * Makes an output that never blocks. Lines that do not fit because the reader is gone, slow or full are dropped and
 * counted. When writing works again, a line reports how many were dropped.
 */
export function createLogOutput(sink: LogSink): LogOutput {
  // One buffer fills while the other is written. Waiting strings would survive garbage collections, and fill the old space.
  let [held, spare] = [newBuffer(), newBuffer()]
  let heldLength = 0
  /** Bytes that are being written. */
  let current: Buffer | undefined
  let dropped = 0
  /** Dropped lines that have not been reported yet. */
  let unreported = 0
  let onIdle: (() => void) | undefined

  const drop = (bytes: Buffer): void => {
    let lines = 0
    for (let at = bytes.indexOf(lineFeed); at !== -1; at = bytes.indexOf(lineFeed, at + 1)) lines++
    dropped += lines
    unreported += lines
  }

  const reportDropped = (): void => {
    const line = logLine('warn', 'log_lines_dropped', { lines: unreported })
    unreported = 0
    held.copy(held, Buffer.byteLength(line), 0, heldLength)
    heldLength += held.write(line)
  }

  const done = (error: Error | null | undefined): void => {
    if (error) drop(current!)
    else if (unreported > 0) reportDropped()
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
      if (heldLength + Buffer.byteLength(text) > maxHeldBytes) {
        drop(Buffer.from(text))
        return
      }
      heldLength += held.write(text, heldLength)
      if (current === undefined) writeNext()
    },
    droppedLines: () => dropped,
    finish(timeoutMs) {
      if (current === undefined) return Promise.resolve(true)
      const { promise, resolve } = Promise.withResolvers<boolean>()
      const timer = setTimeout(() => resolve(false), timeoutMs)
      onIdle = () => {
        clearTimeout(timer)
        resolve(true)
      }
      return promise
    },
  }
}

function newBuffer(): Buffer {
  return Buffer.allocUnsafeSlow(maxHeldBytes + maxReportBytes)
}
