import { readFileSync } from 'node:fs'
import {
  Ajv2020,
  type ErrorObject,
  type FuncKeywordDefinition,
  type ValidateFunction,
} from 'ajv/dist/2020.js'
import { formats, whyMalformed } from '../../values/formats.ts'
import type { Value } from './notation.ts'

/** A part of gateway.schema.json, as far as diagnostics need it. */
export interface Schema {
  readonly $ref?: string
  readonly title?: string
  readonly description?: string
  readonly type?: string
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly examples?: readonly Value[]
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly properties?: Readonly<Record<string, Schema>>
  readonly propertyNames?: Schema
  readonly oneOf?: readonly Schema[]
  readonly $defs?: Readonly<Record<string, Schema>>
}

let text: string | undefined
let schema: Schema | undefined
let validate: ValidateFunction | undefined
let validateList: ValidateFunction | undefined

/** The text of gateway.schema.json. */
export function schemaText(): string {
  text ??= readFileSync(new URL('../../../schema/gateway.schema.json', import.meta.url), 'utf8')
  return text
}

/** The schema that a `$ref` stands for, with what is said beside the reference put over it. */
export function resolveSchema(node: Schema): Schema {
  if (node.$ref === undefined) return node
  schema ??= JSON.parse(schemaText()) as Schema
  const { $ref: reference, ...beside } = node
  return { ...schema.$defs?.[reference.replace('#/$defs/', '')], ...beside }
}

/** Names of the fields that the main file may have. */
export function mainFields(): readonly string[] {
  schema ??= JSON.parse(schemaText()) as Schema
  return Object.keys(schema.properties ?? {})
}

/** Checks a plain configuration and fills its defaults in; returns every error. Compiles the schema at its first call. */
export function validateSchema(config: unknown): readonly ErrorObject[] {
  validate ??= compile(schemaText())
  return validate(config) ? [] : (validate.errors ?? [])
}

/** The text of revocations.schema.json. */
export function revocationsSchemaText(): string {
  return readFileSync(new URL('../../../schema/revocations.schema.json', import.meta.url), 'utf8')
}

/** Checks the plain content of a revocations file; returns every error. Compiles the schema at its first call. */
export function validateRevocations(content: unknown): readonly ErrorObject[] {
  validateList ??= compile(revocationsSchemaText())
  return validateList(content) ? [] : (validateList.errors ?? [])
}

function compile(text: string): ValidateFunction {
  const ajv = new Ajv2020({
    strict: true,
    allErrors: true,
    discriminator: true,
    useDefaults: true,
    verbose: true,
    code: { process: gatherInPlace },
  })
  for (const name of Object.keys(formats)) {
    ajv.addFormat(name, { type: 'string', validate: text => whyMalformed(name, text) === undefined })
  }
  ajv.removeKeyword('uniqueItems')
  ajv.addKeyword({
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    errors: 'full',
    validate: uniqueItems,
  })
  return ajv.compile(JSON.parse(text) as object)
}

/**
 * Takes the code of a validator; returns it with errors that are added to a list instead of copied with it. A copy for
 * every entry that is wrong takes quadratic time.
 */
export function gatherInPlace(code: string): string {
  return code.replaceAll(
    /\bvErrors\.concat\((\w+)\.errors\)/g,
    '$1.errors.reduce((all, one) => (all.push(one), all), vErrors)',
  )
}

// Ajv's own compares every pair, calls methods that our maps without prototype lack, and names one pair only.
const uniqueItems: NonNullable<FuncKeywordDefinition['validate']> = (_wanted: boolean, items: unknown[]) => {
  const seen = new Set<unknown>()
  const repeated = items.flatMap((item, index) => {
    if (typeof item === 'object') return []
    return seen.size === seen.add(item).size ? [index] : []
  })
  uniqueItems.errors = [{ keyword: 'uniqueItems', params: { repeated } }]
  return repeated.length === 0
}
