import { createHash } from 'node:crypto'
import type { Config } from '../../schema/config.ts'
import type { Resolved } from './secrets/secrets.ts'

/**
 * The first 12 hex digits of the SHA-256 of the canonical configuration: defaults filled in, fragments merged, maps in
 * order of their keys. Comments, the order of fields, and the files that things are written in make no difference. Of
 * secrets it covers the references and never the values: whoever is told a digest of a weak secret can guess it.
 */
export function revisionOf(config: Config, { paths }: Resolved): string {
  const { include: _, ...effective } = config
  const hash = createHash('sha256').update(canonical(effective, paths))
  return hash.digest('hex').slice(0, 12)
}

function canonical(value: unknown, paths: Resolved['paths']): string {
  if (Array.isArray(value)) return `[${value.map(item => canonical(item, paths)).join()}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const path = paths.get(value)
  const written: object = path === undefined ? value : { ...value, file: path }
  const fields = Object.keys(written)
    .toSorted()
    .map(name => `${JSON.stringify(name)}:${canonical((written as Record<string, unknown>)[name], paths)}`)
  return `{${fields.join()}}`
}
