import { readFileSync, writeFileSync } from 'node:fs'
import { compile, type JSONSchema } from 'json-schema-to-typescript'
import { documentOf } from './reference.ts'

/**
 * Writes schema/config.ts and docs/configuration.md from the schemas. The types are those of a checked configuration,
 * so a field with a default is always there: validation fills it in.
 */
type Node = {
  [key: string]: unknown
  properties?: Record<string, Node>
  required?: string[]
  default?: unknown
}

const here = import.meta.dirname
writeFileSync(`${here}/../docs/configuration.md`, documentOf())

const schema = JSON.parse(readFileSync(`${here}/gateway.schema.json`, 'utf8')) as Node
const definitions = schema['$defs'] as Record<string, Node>

function hasDefault(node: Node): boolean {
  if (node.default !== undefined) return true
  const reference = node['$ref']
  return (
    typeof reference === 'string' && definitions[reference.replace('#/$defs/', '')]?.default !== undefined
  )
}

function requireDefaulted(node: unknown): void {
  if (typeof node !== 'object' || node === null) return
  const { properties, required = [] } = node as Node
  if (properties !== undefined) {
    const defaulted = Object.keys(properties).filter(name => hasDefault(properties[name]!))
    ;(node as Node).required = [...new Set([...required, ...defaulted])]
  }
  for (const child of Object.values(node)) requireDefaulted(child)
}

/** Drops what is written beside a reference to a map, which would make another type of it in every place. */
function shareTypes(node: unknown): void {
  if (typeof node !== 'object' || node === null) return
  const { $ref: reference } = node as Node
  if (
    typeof reference === 'string' &&
    definitions[reference.replace('#/$defs/', '')]?.['type'] === 'object'
  ) {
    for (const name of Object.keys(node)) if (name !== '$ref') delete (node as Node)[name]
  }
  for (const child of Object.values(node)) shareTypes(child)
}

requireDefaulted(schema)
shareTypes(schema)
const types = await compile(schema as JSONSchema, 'Config', {
  bannerComment: '// Generated from gateway.schema.json by `npm run schema`; edit that file instead.',
  additionalProperties: false,
  unreachableDefinitions: false,
  ignoreMinAndMaxItems: true,
  style: { semi: false, singleQuote: true, printWidth: 110 },
})
writeFileSync(`${here}/config.ts`, types)
