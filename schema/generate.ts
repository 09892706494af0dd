import { readFileSync, writeFileSync } from 'node:fs'
import { compile, type JSONSchema } from 'json-schema-to-typescript'
import { parseWithoutHints } from '../gateway/config/schema/editor-hints.ts'
import { fragmentSchema, withEditorHints } from './editor-hints.ts'
import { documentOf } from './reference.ts'

/**
 * Writes the hints for editors into the schemas, and from the schemas fragment.schema.json, config.ts and
 * docs/configuration.md. The types are those of a checked configuration,
 * so a field with a default is always there: validation fills it in.
 */
type Node = {
  [key: string]: unknown
  properties?: Record<string, Node>
  required?: string[]
  default?: unknown
}

const here = import.meta.dirname
for (const name of ['gateway', 'revocations']) {
  const path = `${here}/${name}.schema.json`
  writeFileSync(path, withEditorHints(readFileSync(path, 'utf8')))
}
const text = readFileSync(`${here}/gateway.schema.json`, 'utf8')
writeFileSync(`${here}/fragment.schema.json`, fragmentSchema(text))
writeFileSync(`${here}/../docs/configuration.md`, documentOf())

const schema = parseWithoutHints(text) as Node
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

/** Drops what is written beside a reference to a map or to the items of a list, which would make a type of its own of it. */
function shareTypes(node: unknown): void {
  if (typeof node !== 'object' || node === null) return
  const { $ref: reference, items } = node as Node & { items?: Node }
  if (typeof items?.['$ref'] === 'string') (node as Node)['items'] = { $ref: items['$ref'] }
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
