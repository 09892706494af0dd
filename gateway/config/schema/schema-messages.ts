import type { ErrorObject } from 'ajv/dist/2020.js'
import type { DiagnosticCode } from '../document/diagnostics.ts'
import { whyMalformed } from '../../values/formats.ts'
import { flow, type Value } from './notation.ts'
import { resolveSchema, type Schema } from './schema.ts'
import { instead, nearest } from '../document/suggest.ts'

/** What one error of the schema is reported as. */
export interface Finding {
  readonly code: DiagnosticCode
  readonly message: string
  readonly suggestion?: string | undefined
}

/** What a message needs to know about the place of an error. */
interface Place {
  /** The field, or the item of a list, as a message names it. */
  readonly label: string
  /** The value as it was written, in quotes. */
  readonly written: string
}

type Explain = (error: ErrorObject, place: Place) => Finding

/** By keyword of JSON Schema. Messages quote what was written, never what a variable stands for. */
export const explanations: Readonly<Record<string, Explain>> = {
  type: (error, { label }) => {
    const { type, examples } = error.parentSchema as Schema
    const must = `it must be ${kinds[type ?? ''] ?? 'something else'}${exampleOf(examples)}`
    if (error.data === null) return { code: 'GH1203', message: `${label} has no value; ${must}` }
    return { code: 'GH1203', message: `${label} is ${kindOf(error.data)}; ${must}` }
  },
  enum: (error, { label, written }) => {
    const known = (error.parentSchema as Schema).enum?.map(String) ?? []
    return oneOf(label, written, error.data, known)
  },
  const: (error, { label, written }) => {
    const known = String((error.parentSchema as Schema).const)
    if (label !== '`version`') return oneOf(label, written, error.data, [known])
    const message = `version ${written} is not known; the versions are: ${known}. Write \`version: ${known}\``
    return { code: 'GH1209', message, suggestion: known }
  },
  pattern: (error, { written }) => {
    const { description = '', examples } = error.parentSchema as Schema
    return {
      code: 'GH1206',
      message: `${written} does not fit here. ${description}${exampleSentence(examples)}`,
    }
  },
  propertyNames: error => {
    const { description = '', examples } = resolveSchema((error.parentSchema as Schema).propertyNames ?? {})
    const { propertyName } = error.params as { propertyName: string }
    return {
      code: 'GH1206',
      message: `\`${propertyName}\` does not fit here. ${description}${exampleSentence(examples)}`,
    }
  },
  format: (error, { written }) => {
    const { format } = error.params as { format: string }
    return {
      code: 'GH1205',
      message: `${written} does not fit here: ${whyMalformed(format, error.data as string)}`,
    }
  },
  minItems: counted('needs at least', 'item'),
  maxItems: counted('has at most', 'item'),
  minLength: counted('needs at least', 'character'),
  maxLength: counted('has at most', 'character'),
  minProperties: (error, place) => sources(error, place) ?? counted('needs at least', 'entry')(error, place),
  maxProperties: (error, place) => sources(error, place) ?? counted('has at most', 'entry')(error, place),
  oneOf: (error, { label, written }) => {
    const { oneOf: branches = [], examples = [] } = error.parentSchema as Schema
    const ways = branches.map(branch => {
      if (branch.const !== undefined) return `the word \`${String(branch.const)}\``
      if (branch.type === 'integer') return `a whole number from ${branch.minimum} to ${branch.maximum}`
      const lists = branch.type === 'array' ? examples.filter(Array.isArray) : []
      return (kinds[branch.type ?? ''] ?? 'something else') + exampleOf(lists)
    })
    const is =
      typeof error.data === 'string'
        ? `the word ${written}`
        : error.data === null
          ? 'empty'
          : typeof error.data === 'number'
            ? written
            : kindOf(error.data)
    const words = branches.flatMap(branch => (typeof branch.const === 'string' ? [branch.const] : []))
    const suggestion = typeof error.data === 'string' ? nearest(error.data, words) : undefined
    return {
      code: 'GH1203',
      message: `${label} is ${is}; write ${ways.toReversed().join(', or ')}`,
      suggestion,
    }
  },
  discriminator: (error, { written }) => {
    const { tag, tagValue } = error.params as { tag: string; tagValue: unknown }
    const branches = (error.parentSchema as Schema).oneOf ?? []
    const known = branches.flatMap(branch => {
      const { const: only, enum: several } = resolveSchema(branch).properties?.[tag] ?? {}
      return (several ?? [only]).map(String)
    })
    if (tagValue === undefined) {
      return {
        code: 'GH1202',
        message: `\`${tag}\` is missing here; write ${known.map(one => `\`${tag}: ${one}\``).join(' or ')}`,
      }
    }
    return oneOf(`\`${tag}\``, written, tagValue, known)
  },
}

/** Says that a field does not exist, and which one was meant. */
export function explainUnknown(schema: Schema, data: object, name: string): Finding {
  const properties = schema.properties ?? {}
  const known = Object.keys(properties)
  const suggestion =
    nearest(
      name,
      known.filter(other => !(other in data)),
    ) ?? nearest(name, known)
  const parent = known.find(other => Object.hasOwn(resolveSchema(properties[other]!).properties ?? {}, name))
  const where =
    suggestion === undefined && parent !== undefined ? `; it belongs under \`${parent}\`` : undefined
  const message = `unknown field \`${name}\`${where ?? instead(suggestion, known, 'no field is known here')}`
  return { code: 'GH1201', message, suggestion }
}

/** Says that a field is missing, with an example of it where that is short. */
export function explainMissing(schema: Schema, name: string): Finding {
  const { examples = [], description = '' } = resolveSchema(schema.properties?.[name] ?? {})
  const example = firstOf(examples)
  const shown =
    example === '' || example.length > 50
      ? `: ${/^[^.]*/.exec(description)?.[0]}`
      : `; write for example \`${name}: ${example}\``
  return { code: 'GH1202', message: `\`${name}\` is missing here${shown}` }
}

const kinds: Record<string, string> = {
  object: 'a map',
  array: 'a list',
  string: 'text',
  boolean: '`true` or `false`',
  number: 'a number',
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a map'
  return typeof value === 'string' ? 'text' : typeof value === 'number' ? 'a number' : `\`${String(value)}\``
}

// A reference is a map of exactly one field, whichever it is.
function sources(error: ErrorObject, { label }: Place): Finding | undefined {
  const { title = '', properties = {} } = error.parentSchema as Schema
  if (!['SecretReference', 'HeaderValue', 'JwksSource'].includes(title)) return undefined
  const known = Object.keys(properties).map(name => `\`${name}\``)
  const wrong =
    error.keyword === 'minProperties'
      ? 'names nothing to take it from'
      : 'names more than one thing to take it from'
  return { code: 'GH1212', message: `${label} ${wrong}; write exactly one of ${known.join(', ')}` }
}

function counted(verb: string, noun: string): Explain {
  return (error, { label }) => {
    const { limit } = error.params as { limit: number }
    const many = limit === 1 ? noun : `${noun.replace(/y$/, 'ie')}s`
    return { code: 'GH1210', message: `${label} ${verb} ${limit} ${many}` }
  }
}

function oneOf(label: string, written: string, value: unknown, known: readonly string[]): Finding {
  const suggestion = typeof value === 'string' ? nearest(value, known) : undefined
  return {
    code: 'GH1204',
    message: `${label} cannot be ${written}${instead(suggestion, known, '')}`,
    suggestion,
  }
}

function exampleOf(examples?: readonly Value[]): string {
  const example = firstOf(examples)
  return example === '' || example.length > 90 ? '' : `, such as \`${example}\``
}

function exampleSentence(examples?: readonly Value[]): string {
  const example = firstOf(examples)
  return example === '' ? '' : ` For example: \`${example}\``
}

function firstOf([first]: readonly Value[] = []): string {
  return first === undefined ? '' : flow(first, 'yaml')
}
