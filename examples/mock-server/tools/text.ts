import { randomBytes, randomUUID } from 'node:crypto'

import type { McpServer } from '@modelcontextprotocol/server'
import * as z from 'zod'

import { answer } from './answers.ts'
import { emailFaults } from './email.ts'

const emailOutput = z.object({
  valid: z.boolean(),
  faults: z.array(z.string()),
  local: z.string(),
  domain: z.string(),
})
const uuidInput = z.object({
  version: z
    .union([z.literal(4), z.literal(7)])
    .default(4)
    .describe('4 is random, 7 begins with the time'),
  count: z.int().min(1).max(100).default(1),
})
const style = z.enum(['full', 'long', 'medium', 'short'])
const dateInput = z.object({
  date: z.string().optional().describe('ISO 8601, for example 2026-07-28T12:00:00Z; now when absent'),
  timeZone: z.string().default('UTC').describe('An IANA name, for example Europe/Berlin'),
  locale: z.string().default('en-GB').describe('A BCP 47 tag, for example de-DE'),
  dateStyle: style.default('full'),
  timeStyle: style.default('long'),
})

/** Adds the tools that use only their arguments. */
export function registerTextTools(server: McpServer): void {
  const annotations = { readOnlyHint: true, openWorldHint: false }

  server.registerTool(
    'validate_email',
    {
      title: 'Validate an email address',
      description: 'Says whether an email address is well formed and, if not, why. Sends nothing.',
      inputSchema: z.object({ email: z.string().max(1000) }),
      outputSchema: emailOutput,
      annotations: { ...annotations, idempotentHint: true },
    },
    ({ email }) => {
      const faults = emailFaults(email)
      const address = email.trim()
      const at = address.lastIndexOf('@')
      const local = at < 0 ? address : address.slice(0, at)
      const domain = at < 0 ? '' : address.slice(at + 1).toLowerCase()
      return answer({ valid: faults.length === 0, faults, local, domain })
    },
  )

  server.registerTool(
    'generate_uuid',
    {
      title: 'Generate UUIDs',
      description: 'Makes UUIDs of version 4 or 7 (RFC 9562).',
      inputSchema: uuidInput,
      outputSchema: z.object({ uuids: z.array(z.string()) }),
      annotations,
    },
    ({ version, count }) => {
      const make = version === 4 ? randomUUID : uuidOfNow
      return answer({ uuids: Array.from({ length: count }, () => make()) })
    },
  )

  server.registerTool(
    'format_date',
    {
      title: 'Format a date',
      description: 'Writes a point in time as people of a place read it.',
      inputSchema: dateInput,
      outputSchema: z.object({ formatted: z.string(), iso: z.string(), timeZone: z.string() }),
      annotations,
    },
    ({ date, timeZone, locale, dateStyle, timeStyle }) => {
      const instant = date === undefined ? new Date() : new Date(date)
      if (Number.isNaN(instant.getTime())) throw new Error(`Not an ISO 8601 date: ${date}`)
      const format = new Intl.DateTimeFormat(locale, { timeZone, dateStyle, timeStyle })
      return answer({ formatted: format.format(instant), iso: instant.toISOString(), timeZone })
    },
  )
}

/** A UUID of version 7: 48 bits of milliseconds, then random bits (RFC 9562 section 5.7). */
function uuidOfNow(): string {
  const bytes = randomBytes(16)
  bytes.writeUIntBE(Date.now(), 0, 6)
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}
