import { readFileSync } from 'node:fs'
import { resolveSchema, schemaText, type Schema } from '../../config/schema/schema.ts'
import { diagnosticCodes } from '../../config/document/diagnostics.ts'
import { details, reasons, rowOf, type Detail, type Reason } from '../../mcp/refusal-table.ts'

/** Everything that can be explained, in words that a user may type. */
export function topics(): string[] {
  return [...Object.keys(diagnosticCodes), ...Object.keys(reasons), ...Object.keys(details)]
}

/** Returns the explanation of a code of a diagnostic, or of its name; undefined if there is none. */
export function explainDiagnostic(text: string): string | undefined {
  const found = Object.entries(diagnosticCodes).find(
    ([code, { name }]) => code === text.toUpperCase() || name === text,
  )
  if (found === undefined) return undefined
  const [code, { name, summary }] = found
  const row = pageOf('diagnostics').find(line => line.startsWith(`| ${code} |`))
  const fix = row?.split(/(?<!\\)\|/)[4]?.trim()
  return [`${code} ${name}`, summary, ...(fix === undefined ? [] : [`Fix: ${fix}`])].join('\n\n')
}

/** Returns the explanation of an error on the wire, or of the `detail` in the log; undefined if there is none. */
export function explainError(text: string): string | undefined {
  if (Object.hasOwn(details, text)) {
    const [reason, message] = details[text as Detail]
    const { status, code } = rowOf(reason)
    return `${text}\n\nThe client reads: ${message}\n\nReason: ${reason} (HTTP ${status}, code ${code})`
  }
  if (!Object.hasOwn(reasons, text)) return undefined
  const { status, code } = rowOf(text as Reason)
  const own = Object.entries(details).flatMap(([detail, [reason]]) => (reason === text ? [detail] : []))
  return `${text}\n\nHTTP ${status}, code ${code}\n\nDetails: ${own.join(', ')}`
}

/** Returns the explanation of a field by its path, as in `proxies.mock.upstream.url`; undefined if there is none. */
export function explainField(path: string): string | undefined {
  let nodes: Schema[] = [JSON.parse(schemaText()) as Schema]
  for (const step of path.split(/[./]/).filter(part => part !== '')) {
    nodes = nodes.flatMap(node => variantsOf(node)).flatMap(node => childOf(node, step))
    if (nodes.length === 0) return undefined
  }
  const [node] = nodes.flatMap(one =>
    resolveSchema(one).description === undefined ? [] : [resolveSchema(one)],
  )
  if (node === undefined) return undefined
  const parts = [path, node.description!, ...factsOf(node)]
  return parts.join('\n\n')
}

type Extended = Schema & {
  readonly default?: unknown
  readonly additionalProperties?: Schema | boolean
  readonly items?: Schema
}

function variantsOf(node: Schema): Extended[] {
  const whole = resolveSchema(node)
  return [
    whole,
    ...(whole.oneOf ?? []).flatMap(one => variantsOf(one)),
    ...(whole.anyOf ?? []).flatMap(one => variantsOf(one)),
  ]
}

function childOf({ properties, additionalProperties, items }: Extended, step: string): Schema[] {
  if (properties !== undefined && Object.hasOwn(properties, step)) return [properties[step]!]
  if (items !== undefined && /^(?:\d+|\[\])$/.test(step)) return [items]
  if (typeof additionalProperties === 'object') return [additionalProperties]
  // A field of an item of a list may be written without its index.
  return items === undefined ? [] : variantsOf(items).flatMap(item => childOf(item, step))
}

function factsOf(node: Extended): string[] {
  const { default: preset, enum: values, examples, properties } = node
  const fields = [...new Set(variantsOf(node).flatMap(one => Object.keys(one.properties ?? {})))]
  return [
    ...(values === undefined ? [] : [`Values: ${values.map(value => JSON.stringify(value)).join(', ')}`]),
    ...(preset === undefined || properties !== undefined ? [] : [`Default: ${JSON.stringify(preset)}`]),
    ...(examples === undefined ? [] : [`Example: ${JSON.stringify(examples[0])}`]),
    ...(fields.length === 0 ? [] : [`Fields: ${fields.join(', ')}`]),
  ]
}

function pageOf(name: string): string[] {
  return readFileSync(new URL(`../../../docs/${name}.md`, import.meta.url), 'utf8').split('\n')
}
