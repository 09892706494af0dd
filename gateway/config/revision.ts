import { createHash } from 'node:crypto'
import type { Config } from '../../schema/config.ts'
import type { ResolvedSecrets } from './secrets/secrets.ts'

/**
 * Returns the first 12 hex digits of the SHA-256 of the canonical configuration, with defaults filled in, fragments merged
 * and maps sorted by key. Comments, the order of fields and the split into files do not matter. The digest covers
 * references to secrets but not the secrets: a digest of a weak secret would reveal it.
 */
export function revisionOf(config: Config, { paths }: ResolvedSecrets): string {
  const { include: _, ...effective } = config
  const hash = createHash('sha256').update(canonical(effective, paths))
  return hash.digest('hex').slice(0, 12)
}

function canonical(value: unknown, paths: ResolvedSecrets['paths']): string {
  if (Array.isArray(value)) return `[${value.map(item => canonical(item, paths)).join()}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const path = paths.get(value)
  const written: object = path === undefined ? value : { ...value, file: path }
  const fields = Object.keys(written)
    .toSorted()
    .map(name => `${JSON.stringify(name)}:${canonical((written as Record<string, unknown>)[name], paths)}`)
  return `{${fields.join()}}`
}
