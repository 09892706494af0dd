import { parse } from 'yaml'

/** A value that this program writes to a configuration. */
export type Value = string | number | boolean | readonly Value[] | { readonly [name: string]: Value }

/** Notation of a flow collection: as people write YAML, or as JSON, which is also YAML. */
export type Notation = 'yaml' | 'json'

/** Writes a value on one line. */
export function flow(value: Value, notation: Notation): string {
  if (typeof value === 'string') return notation === 'json' ? quoted(value) : scalar(value)
  if (typeof value !== 'object') return String(value)
  if (isList(value)) return `[${value.map(item => flow(item, notation)).join(', ')}]`
  return `{${Object.entries(value)
    .map(([name, field]) => flowField(name, field, notation))
    .join(', ')}}`
}

/** Writes a field of a flow map, without the comma. */
export function flowField(name: string, value: Value, notation: Notation): string {
  return `${flow(name, notation)}: ${flow(value, notation)}`
}

/** Writes a field of a block map as lines: maps and lists of maps over several lines, everything else on one. */
export function blockField(name: string, value: Value, step: number): string[] {
  if (typeof value !== 'object' || (isList(value) && value.every(item => typeof item !== 'object'))) {
    return [`${scalar(name)}: ${flow(value, 'yaml')}`]
  }
  return [`${scalar(name)}:`, ...blockLines(value, step).map(line => ' '.repeat(step) + line)]
}

/** Writes the items of a list, or the fields of a map, as lines. */
export function blockLines(value: Value, step: number): string[] {
  return isList(value) ? value.flatMap(item => blockItem(item)) : blockFields(value, step)
}

/** Writes the fields of a map as lines. */
function blockFields(value: Value, step: number): string[] {
  return Object.entries(value).flatMap(([name, field]) => blockField(name, field as Value, step))
}

/** Writes an item of a block list as lines. */
export function blockItem(item: Value): string[] {
  if (typeof item !== 'object' || isList(item)) return [`- ${flow(item, 'yaml')}`]
  return blockFields(item, 2).map((line, index) => (index === 0 ? '- ' : '  ') + line)
}

function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value)
}

// Quotes a text if any reader of YAML, 1.1 or 1.2, might read it differently.
function scalar(text: string): string {
  const plain =
    /^[A-Za-z0-9_/@+.-][A-Za-z0-9_/@+. -]*$/.test(text) || /^\d{4}-\d\d-\d\d[T0-9:.Z+-]*$/.test(text)
  const other = /^(?:y|n|yes|no|on|off|true|false|null)$/i.test(text) || /^[-.+]|\s$/.test(text)
  if (!plain || other) return quoted(text)
  return parse(text, { schema: 'core' }) === text && !/^[0-9_]+$/.test(text) ? text : quoted(text)
}

function quoted(text: string): string {
  return JSON.stringify(text).replace(
    // oxlint-disable-next-line no-control-regex -- not printable in YAML 1.2, 5.1, but not escaped by JSON
    /[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]/g,
    character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
