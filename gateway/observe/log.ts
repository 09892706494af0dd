import { printableJson } from '../lib/printable.ts'

/** What a log line may carry beside its time, level and event. */
export type Fields = Readonly<
  Record<string, string | number | boolean | null | undefined | readonly unknown[]>
>

/** Writes structured lines: one JSON object each. No field ever holds a header, a body or a query. */
export interface Log {
  info(event: string, fields?: Fields): void
  warn(event: string, fields?: Fields): void
  error(event: string, fields?: Fields): void
  /** Writes what is still held back. */
  flush(): void
}

/**
 * Makes a log. Lines of one turn of the event loop are written together.
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

/** Returns one line of the log, harmless in a terminal. */
export function logLine(level: string, event: string, fields: Fields): string {
  const rest = printableJson(JSON.stringify(fields))
  return `{"time":"${timeText()}","level":"${level}","event":"${event}"${rest === '{}' ? '' : ','}${rest.slice(1)}\n`
}

let lastTime = 0
let lastText = ''

/** The time of now, written anew when it has changed. */
function timeText(): string {
  const now = Date.now()
  if (now !== lastTime) {
    lastTime = now
    lastText = new Date(now).toISOString()
  }
  return lastText
}
