import type { ErrorObject } from 'ajv/dist/2020.js'
import type { DiagnosticCode, Explanation } from '../document/diagnostics.ts'
import { whyMalformed } from '../../values/formats.ts'
import { flow, type Value } from './notation.ts'
import { hintForField, hintForType, hintForVariable } from './field-hints.ts'
import { patternHelp } from './pattern-help.ts'
import { resolveSchema, type Schema } from './schema.ts'
import { helpWithName, nearest } from '../document/suggest.ts'

/** The diagnostic for one error of the schema. */
export interface Finding extends Explanation {
  readonly code: DiagnosticCode
  readonly suggestion?: string | undefined
}

/** The place of an error. */
interface Place {
  /** The field, or the item of a list, as messages name it. */
  readonly label: string
  /** The value as it was written, in quotes. */
  readonly written: string
}

type Explain = (error: ErrorObject, place: Place) => Finding

/** Explanations by keyword of JSON Schema. They quote the file, never the value of a variable. */
export const explanations: Readonly<Record<string, Explain>> = {
  type: (error, { label, written }) => {
    const schema = error.parentSchema as Schema
    const { data } = error
    const help = hintForValue(schema, data)
    if (schema.type !== 'string' && isVariable(data, written)) return fromVariable(label, kindIn(schema))
    const message =
      data === null
        ? `${label} has no value`
        : schema.type === 'integer' && typeof data === 'number'
          ? `${label} cannot be ${written}`
          : `${label} is ${kindOf(data)}, not ${nounOf(schema)}`
    return {
      code: 'GH1203',
      message,
      help: help ?? `write ${kindIn(schema)}${exampleOf(schema.examples)}`,
    }
  },
  minimum: outOfRange,
  maximum: outOfRange,
  enum: (error, { label, written }) => {
    const known = (error.parentSchema as Schema).enum?.map(String) ?? []
    return oneOf(label, written, error.data, known)
  },
  const: (error, { label, written }) => {
    const known = String((error.parentSchema as Schema).const)
    if (label !== '`version`') return oneOf(label, written, error.data, [known])
    const message = `this Gatehouse does not know version ${written} of the format`
    return { code: 'GH1209', message, help: `write \`version: ${known}\``, suggestion: known }
  },
  pattern: (error, { written }) => malformedText(written, error.parentSchema as Schema),
  propertyNames: error => {
    const { propertyName } = error.params as { propertyName: string }
    const schema = resolveSchema((error.parentSchema as Schema).propertyNames ?? {})
    return malformedText(`\`${propertyName}\``, schema)
  },
  format: (error, { written }) => {
    const { format } = error.params as { format: string }
    const { message, help } = whyMalformed(format, error.data as string)!
    return { code: 'GH1205', message: `${written} is ${message}`, help: hintForVariable(written) ?? help }
  },
  minItems: tooFew('item'),
  maxItems: tooMany('item'),
  minLength: (error, { label }) => {
    const message = error.data === '' ? `${label} is empty` : `${label} is too short`
    return { code: 'GH1210', message, help: `write at least ${limitOf(error, 'character')}` }
  },
  maxLength: (error, { label }) => {
    return {
      code: 'GH1210',
      message: `${label} is too long`,
      help: `write at most ${limitOf(error, 'character')}`,
    }
  },
  minProperties: (error, place) => explainSources(error, place, 'no source') ?? tooFew('entry')(error, place),
  maxProperties: (error, place) =>
    explainSources(error, place, 'more than one source') ?? tooMany('entry')(error, place),
  oneOf: explainOneOf,
  discriminator: (error, { written }) => {
    const { tag, tagValue } = error.params as { tag: string; tagValue: unknown }
    const branches = (error.parentSchema as Schema).oneOf ?? []
    const known = branches.flatMap(branch => {
      const { const: only, enum: several } = resolveSchema(branch).properties?.[tag] ?? {}
      return (several ?? [only]).map(String)
    })
    if (tagValue !== undefined) {
      const help = typeof tagValue === 'string' ? hintForType(known, tagValue) : undefined
      if (help === undefined) return oneOf(`\`${tag}\``, written, tagValue, known)
      return { code: 'GH1204', message: `\`${tag}\` cannot be ${written}`, help }
    }
    const ways = known.map(one => `\`${tag}: ${one}\``)
    const last = ways.pop()
    return { code: 'GH1202', message: `\`${tag}\` is missing`, help: `add ${ways.join(', ')} or ${last}` }
  },
}

/** Explains a field that does not exist. */
export function explainUnknown(schema: Schema, data: object, name: string): Finding {
  const properties = schema.properties ?? {}
  const hint = hintForField(schema.title, name)
  if (hint !== undefined) return { code: 'GH1201', message: `unknown field \`${name}\``, help: hint }
  const known = Object.keys(properties)
  const suggestion =
    nearest(
      name,
      known.filter(other => !(other in data)),
    ) ?? nearest(name, known)
  const parent = known.find(other => Object.hasOwn(resolveSchema(properties[other]!).properties ?? {}, name))
  const help =
    suggestion === undefined && parent !== undefined
      ? `move the field under \`${parent}\``
      : helpWithName(suggestion, known, 'remove the field')
  return { code: 'GH1201', message: `unknown field \`${name}\``, help, suggestion }
}

/** Explains a field that is missing. */
export function explainMissing(schema: Schema, name: string): Finding {
  const field = resolveSchema(schema.properties?.[name] ?? {})
  const example = firstOf(field.examples)
  const isShort = example !== '' && example.length <= maxExample
  const help = isShort ? `add it, such as \`${name}: ${example}\`` : `add \`${name}\`, ${kindIn(field)}`
  return { code: 'GH1202', message: `\`${name}\` is missing`, help }
}

const kinds: Record<string, string> = {
  object: 'a map',
  array: 'a list',
  string: 'text',
  boolean: '`true` or `false`',
  number: 'a number',
  integer: 'a whole number',
}

function nounOf({ type = '' }: Schema): string {
  return kinds[type] ?? 'this value'
}

/** Returns the kind of value that a schema asks for, with the range of a number. */
function kindIn(schema: Schema): string {
  const { minimum, maximum } = schema
  return minimum === undefined ? nounOf(schema) : `${nounOf(schema)} from ${minimum} to ${maximum}`
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a map'
  return typeof value === 'string' ? 'text' : typeof value === 'number' ? 'a number' : `\`${String(value)}\``
}

function explainOneOf(error: ErrorObject, { label, written }: Place): Finding {
  const { oneOf: branches = [], examples = [] } = error.parentSchema as Schema
  const ways = branches.map(branch => {
    if (branch.const !== undefined) return `the word \`${String(branch.const)}\``
    const lists = branch.type === 'array' ? examples.filter(Array.isArray) : []
    return kindIn(branch) + exampleOf(lists)
  })
  const { data } = error
  if (branches.every(({ type }) => type !== 'string') && isVariable(data, written)) {
    return fromVariable(label, ways.toReversed().join(', or '))
  }
  const shown =
    typeof data === 'string' || typeof data === 'number' ? written : data === null ? 'empty' : kindOf(data)
  const words = branches.flatMap(branch => (typeof branch.const === 'string' ? [branch.const] : []))
  const suggestion = typeof data === 'string' ? nearest(data, words) : undefined
  return {
    code: 'GH1203',
    message: `${label} cannot be ${shown}`,
    help: `write ${ways.toReversed().join(', or ')}`,
    suggestion,
  }
}

/** Returns whether a text comes from a variable. */
function isVariable(data: unknown, written: string): boolean {
  return typeof data === 'string' && written.includes('${')
}

function fromVariable(label: string, kinds: string): Finding {
  const message = `${label} cannot come from a variable, which is always text`
  return { code: 'GH1203', message, help: `write ${kinds}` }
}

/** Returns the help for a value of another type that shows what was meant; undefined for any other. */
function hintForValue({ type, format }: Schema, data: unknown): string | undefined {
  if (type !== 'string') return undefined
  if (typeof data === 'number' && format?.startsWith('duration') === true)
    return `write a unit, such as \`${data}s\``
  if (typeof data !== 'object' || data === null || !('env' in data)) return undefined
  const name = typeof data.env === 'string' && /^[A-Za-z_][A-Za-z0-9_]*$/.test(data.env) ? data.env : 'NAME'
  return `write \`\${${name}}\`, because only secrets are references`
}

/** Explains a reference that does not have exactly one field. */
function explainSources(error: ErrorObject, { label }: Place, found: string): Finding | undefined {
  const { title = '', properties = {} } = error.parentSchema as Schema
  if (!['SecretReference', 'HeaderValue', 'QueryValue', 'JwksSource'].includes(title)) return undefined
  const known = Object.keys(properties).flatMap(name => (name === 'scheme' ? [] : [`\`${name}\``]))
  return {
    code: 'GH1212',
    message: `${label} names ${found}`,
    help: `write exactly one of ${known.join(', ')}`,
  }
}

function outOfRange(error: ErrorObject, { label, written }: Place): Finding {
  const schema = error.parentSchema as Schema
  const help = `write ${kindIn(schema)}${exampleOf(schema.examples)}`
  return { code: 'GH1203', message: `${label} cannot be ${written}`, help }
}

function tooFew(noun: string): Explain {
  return (error, { label }) => {
    const isEmpty = Object.keys(error.data as object).length === 0
    const message = isEmpty ? `${label} is empty` : `${label} has too few ${plural(noun)}`
    return { code: 'GH1210', message, help: `add at least ${limitOf(error, noun)}` }
  }
}

function tooMany(noun: string): Explain {
  return (error, { label }) => {
    const message = `${label} has too many ${plural(noun)}`
    return { code: 'GH1210', message, help: `keep at most ${limitOf(error, noun)}` }
  }
}

function limitOf({ params }: ErrorObject, noun: string): string {
  const { limit } = params as { limit: number }
  return `${limit} ${limit === 1 ? noun : plural(noun)}`
}

function plural(noun: string): string {
  return `${noun.replace(/y$/, 'ie')}s`
}

function oneOf(label: string, written: string, value: unknown, known: readonly string[]): Finding {
  const suggestion = typeof value === 'string' ? nearest(value, known) : undefined
  const help = helpWithName(suggestion, known, '')
  return { code: 'GH1204', message: `${label} cannot be ${written}`, help, suggestion }
}

function malformedText(
  written: string,
  { pattern = '', maxLength, anyOf = [], examples, ...rest }: Schema,
): Finding {
  const [first] = anyOf
  if (first !== undefined) return malformedText(written, { ...resolveSchema(first), ...rest })
  const isWildcard = /[*?^|{]/.test(written) && pattern.startsWith('^[A-Za-z0-9][')
  const help = isWildcard
    ? 'write the full name, because only access rules have patterns'
    : (patternHelp[pattern] ?? `use 1 to ${maxLength} characters`)
  return { code: 'GH1206', message: `${written} is not valid here`, help: help + exampleOf(examples) }
}

const maxExample = 90

function exampleOf(examples?: readonly Value[]): string {
  const example = firstOf(examples)
  return example === '' || example.length > maxExample ? '' : `, such as \`${example}\``
}

function firstOf([first]: readonly Value[] = []): string {
  return first === undefined ? '' : flow(first, 'yaml')
}
