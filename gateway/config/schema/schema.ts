import { readFileSync } from 'node:fs'
import {
  Ajv2020,
  type ErrorObject,
  type FuncKeywordDefinition,
  type ValidateFunction,
} from 'ajv/dist/2020.js'
import { formats, whyMalformed } from '../../values/formats.ts'
import { parseWithoutHints } from './editor-hints.ts'
import type { Config } from '../../../schema/config.ts'
import type { Value } from './notation.ts'

/** A part of gateway.schema.json, with the fields that diagnostics use. */
export interface Schema {
  readonly $ref?: string
  readonly title?: string
  readonly description?: string
  readonly type?: string
  readonly format?: string
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly examples?: readonly Value[]
  readonly pattern?: string
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly properties?: Readonly<Record<string, Schema>>
  readonly propertyNames?: Schema
  readonly 'x-in-fragments'?: boolean
  readonly oneOf?: readonly Schema[]
  readonly anyOf?: readonly Schema[]
  readonly $defs?: Readonly<Record<string, Schema>>
}

/** Marks the top-level fields that fragments may hold too. */
const fragmentKeyword = 'x-in-fragments'

let text: string | undefined
let blocks: readonly FragmentBlock[] | undefined
let schema: Schema | undefined
let validate: ValidateFunction | undefined
let validateList: ValidateFunction | undefined

/** Returns the text of gateway.schema.json. */
export function schemaText(): string {
  text ??= readFileSync(new URL('../../../schema/gateway.schema.json', import.meta.url), 'utf8')
  return text
}

/** Returns the schema that a `$ref` leads to, overridden by the fields beside the reference. */
export function resolveSchema(node: Schema): Schema {
  if (node.$ref === undefined) return node
  schema ??= JSON.parse(schemaText()) as Schema
  const { $ref: reference, ...beside } = node
  return { ...schema.$defs?.[reference.replace('#/$defs/', '')], ...beside }
}

/** Returns the names of the fields that the main file may have. */
export function mainFields(): readonly string[] {
  schema ??= JSON.parse(schemaText()) as Schema
  return Object.keys(schema.properties ?? {})
}

/** A map by name at the top level. */
export type FragmentBlock = {
  [Name in keyof Config]-?: string extends keyof Config[Name] ? Name : never
}[keyof Config]

/** Returns the names of the fields that fragments may hold too. All others are for the main file only. */
export function fragmentBlocks(): readonly FragmentBlock[] {
  schema ??= JSON.parse(schemaText()) as Schema
  blocks ??= Object.entries(schema.properties ?? {}).flatMap(([name, field]) =>
    field[fragmentKeyword] === true ? [name as FragmentBlock] : [],
  )
  return blocks
}

/** Checks a plain configuration and fills in its defaults. Returns every error. Compiles the schema at the first call. */
export function validateSchema(config: unknown): readonly ErrorObject[] {
  validate ??= compile(schemaText())
  return validate(config) ? [] : (validate.errors ?? [])
}

/** Returns the text of revocations.schema.json. */
export function revocationsSchemaText(): string {
  return readFileSync(new URL('../../../schema/revocations.schema.json', import.meta.url), 'utf8')
}

/** Returns the text of fragment.schema.json. */
export function fragmentSchemaText(): string {
  return readFileSync(new URL('../../../schema/fragment.schema.json', import.meta.url), 'utf8')
}

/** Checks the plain content of a revocations file. Returns every error. Compiles the schema at the first call. */
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
  ajv.addKeyword({ keyword: fragmentKeyword, schemaType: 'boolean' })
  ajv.removeKeyword('uniqueItems')
  ajv.addKeyword({
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    errors: 'full',
    validate: uniqueItems,
  })
  return ajv.compile(parseWithoutHints(text))
}

/**
 * Rewrites the code of a validator so that it appends errors to a list instead of copying the list. A copy for every wrong
 * entry takes quadratic time.
 */
function gatherInPlace(code: string): string {
  return code.replaceAll(
    /\bvErrors\.concat\((\w+)\.errors\)/g,
    '$1.errors.reduce((all, one) => (all.push(one), all), vErrors)',
  )
}

// Ajv's `uniqueItems` compares every pair, calls methods that maps without a prototype lack, and names only one pair.
const uniqueItems: NonNullable<FuncKeywordDefinition['validate']> = (_wanted: boolean, items: unknown[]) => {
  const seen = new Set<unknown>()
  const repeated = items.flatMap((item, index) => {
    if (typeof item === 'object') return []
    return seen.size === seen.add(item).size ? [index] : []
  })
  uniqueItems.errors = [{ keyword: 'uniqueItems', params: { repeated } }]
  return repeated.length === 0
}
