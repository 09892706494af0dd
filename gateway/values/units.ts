import { isIPv6 } from 'node:net'
import { isHostName } from './hosts.ts'
import { MalformedError } from './malformed.ts'

const durationUnits = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const maxDurationMs = 3650 * durationUnits.d
const sizeUnits = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 }
const maxSizeBytes = 2 ** 40

/** Parses a duration such as `250ms` or `30d`, at most ten years. Returns milliseconds. Throws MalformedError. */
export function parseDuration(text: string): number {
  const [, count, unit] = /^(0|[1-9][0-9]{0,14})(ms|[smhd])$/.exec(text) ?? []
  if (count === undefined) {
    throw new MalformedError(
      'not a valid duration',
      'write a whole number and `ms`, `s`, `m`, `h` or `d`, such as `5m`',
    )
  }
  const milliseconds = Number(count) * durationUnits[unit as keyof typeof durationUnits]
  if (milliseconds > maxDurationMs) {
    throw new MalformedError('longer than ten years', 'write at most `3650d`')
  }
  return milliseconds
}

/** Longest time that a timer is set to: 24 days. Timers of Node fire at once from 25 days on. */
export const maxTimerMs: number = 24 * durationUnits.d

/** Parses a duration to wait for. Returns milliseconds, at most 24 days. Throws MalformedError. */
export function parseWait(text: string): number {
  return Math.min(parseDuration(text), maxTimerMs)
}

/** Parses a size such as `64KiB` or `1MiB`, at most 1024GiB. Returns bytes. Throws MalformedError. */
export function parseSize(text: string): number {
  const [, count, unit] = /^(0|[1-9][0-9]{0,14})(B|KiB|MiB|GiB)$/.exec(text) ?? []
  if (count === undefined) {
    throw new MalformedError(
      'not a valid size',
      'write a whole number and `B`, `KiB`, `MiB` or `GiB`, such as `1MiB`',
    )
  }
  const bytes = Number(count) * sizeUnits[unit as keyof typeof sizeUnits]
  if (bytes > maxSizeBytes) throw new MalformedError('more than 1024GiB', 'write at most `1024GiB`')
  return bytes
}

const instant =
  /^(\d{4})-(\d{2})-(\d{2})(?:T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(?:Z|([+-])(\d{2}):(\d{2})))?$/

/**
 * Parses an RFC 3339 date and time, or a date, which means midnight UTC at its beginning. Returns milliseconds since
 * 1970; digits beyond the millisecond are cut.
 *
 * @throws MalformedError also for days that no calendar has
 */
export function parseInstant(text: string): number {
  const match = instant.exec(text)
  if (match === null) {
    throw new MalformedError(
      'not a valid date or time',
      'write a date or an RFC 3339 time, such as `2027-03-01` or `2027-03-01T12:00:00Z`',
    )
  }
  const number = (group: number) => Number(match[group] ?? 0)
  const [year, month, day, hour, minute, second] = [1, 2, 3, 4, 5, 6].map(number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  // Date.UTC reads years below 100 as 19xx, and turns 30 February into a day in March.
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) {
    throw new MalformedError('a day that does not exist', 'write a day of the calendar, such as `2027-03-01`')
  }
  if (hour > 23 || minute > 59 || second > 59 || number(9) > 23 || number(10) > 59) {
    throw new MalformedError(
      'a time that does not exist',
      'write a time from 00:00:00 to 23:59:59, such as `2027-03-01T12:00:00Z`',
    )
  }
  const offset = (number(9) * 60 + number(10)) * (match[8] === '-' ? -60_000 : 60_000)
  const milliseconds = Number((match[7] ?? '').slice(0, 3).padEnd(3, '0'))
  return date.setUTCHours(hour, minute, second, milliseconds) - offset
}

/** Parses host:port, with an IPv6 host in brackets. Returns the host without brackets. Throws MalformedError. */
export function parseAddress(text: string): { host: string; port: number } {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]*)\]|([^:[\]]*)):(0|[1-9][0-9]{0,4})$/.exec(text) ?? []
  const port = Number(digits)
  const host = bracketed ?? plain ?? ''
  if (digits === undefined || port > 65_535 || !(bracketed === undefined ? isHostName(host) : isIPv6(host))) {
    throw new MalformedError(
      'not a valid address',
      'write host:port, such as `127.0.0.1:8080`, `0.0.0.0:8080` or `[::1]:8080`',
    )
  }
  return { host, port }
}
