import { createHash } from 'node:crypto'
import type { Config } from '../../schema/config.ts'
import type { Resolved } from './secrets.ts'

/**
 * The first 12 hex digits of the SHA-256 of the canonical configuration: defaults filled in, fragments merged, maps in
 * order of their keys, and in place of every reference the SHA-256 of its secret. Comments, the order of fields, and the
 * files that things are written in make no difference.
 */
export function revisionOf(config: Config, { digests }: Resolved): string {
  const { include: _, ...effective } = config
  const hash = createHash('sha256').update(canonical(effective, digests))
  return hash.digest('hex').slice(0, 12)
}

function canonical(value: unknown, digests: Resolved['digests']): string {
  if (Array.isArray(value)) return `[${value.map(item => canonical(item, digests)).join()}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const digest = digests.get(value)
  if (digest !== undefined) return `{"sha256":"${digest}"}`
  const fields = Object.keys(value)
    .toSorted()
    .map(name => `${JSON.stringify(name)}:${canonical((value as Record<string, unknown>)[name], digests)}`)
  return `{${fields.join()}}`
}
