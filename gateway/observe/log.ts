import { printableJson } from '../lib/printable.ts'

/** Fields of a log line, apart from time, level and event. */
export type Fields = Readonly<
  Record<string, string | number | boolean | null | undefined | readonly unknown[]>
>

/** Writes lines with one JSON object each. No field holds a body or a query, or a header other than Host. */
export interface Log {
  info(event: string, fields?: Fields): void
  warn(event: string, fields?: Fields): void
  error(event: string, fields?: Fields): void
  /** Writes the lines that are still buffered. */
  flush(): void
}

/**
 * Makes a log. The lines of one turn of the event loop are written together.
 *
 * @param write takes whole lines
 */
export function createLog(write: (text: string) => void): Log {
  let held = ''
  const flush = (): void => {
    const text = held
    held = ''
    if (text !== '') write(text)
  }
  const line = (level: string, event: string, fields: Fields = {}): void => {
    if (held === '') setImmediate(flush)
    held += logLine(level, event, fields)
  }
  return {
    info: (event, fields) => line('info', event, fields),
    warn: (event, fields) => line('warn', event, fields),
    error: (event, fields) => line('error', event, fields),
    flush,
  }
}

/** Returns a line of the log that is safe to show in a terminal. */
export function logLine(level: string, event: string, fields: Fields): string {
  const rest = printableJson(JSON.stringify(fields))
  return `{"time":"${timeText()}","level":"${level}","event":"${event}"${rest === '{}' ? '' : ','}${rest.slice(1)}\n`
}

let lastTime = 0
let lastText = ''

/** Returns the current time as text; formats it only when it has changed. */
function timeText(): string {
  const now = Date.now()
  if (now !== lastTime) {
    lastTime = now
    lastText = new Date(now).toISOString()
  }
  return lastText
}
