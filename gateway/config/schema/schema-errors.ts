import type { ErrorObject } from 'ajv/dist/2020.js'
import { maxKept, report, type LoadContext } from '../document/load-context.ts'
import { isSkipped, locate, quoteValue, type Part } from '../document/locate.ts'
import { fromPointer, toPointer, type Path } from '../document/pointer.ts'
import { validateSchema, type Schema } from './schema.ts'
import { explainMissing, explainUnknown, explanations, type Finding } from './schema-messages.ts'
import { explainSecret } from './schema-secrets.ts'
import { looksLikeCredential, redact } from '../document/sensitive.ts'

type Validate = (root: unknown) => readonly ErrorObject[]

/** One check against the schema. */
interface Check {
  readonly loadContext: LoadContext
  readonly root: unknown
  /** Missing fields that a misspelled field stands for: the pointer of the map, and the field. */
  readonly misspelled: Set<string>
}

/**
 * Checks the plain configuration against the schema, fills in defaults, and reports errors. Then removes wrong values, so
 * that the rest has the types of the schema, although fields may be missing.
 */
export function checkSchema(
  loadContext: LoadContext,
  root: unknown,
  validate: Validate = validateSchema,
): void {
  const errors = relevantErrors(validate(root))
  const all = errors
    .filter(error => isTextInVain(error) || !isSkipped(loadContext, root, fromPointer(error.instancePath)))
    .filter(error => !mayBeInFragment(loadContext, error))
  const kept = all.slice(0, maxKept.error)
  const check: Check = { loadContext, root, misspelled: new Set() }
  // Unknown fields come first: they explain some missing ones.
  for (const error of kept.toSorted((a, b) => rankOf(a) - rankOf(b))) {
    const report = reporters[error.keyword] ?? reportValue
    report(check, error)
  }
  loadContext.counts.error += all.length - kept.length
  const wrong = errors.filter(
    error => !fieldKeywords.has(error.keyword) && !hasMissingVariable(loadContext, root, error),
  )
  for (const { instancePath } of wrong) remove(root, fromPointer(instancePath))
  // An unknown field of one type of entry may be a field of another type.
  for (const { keyword, data, params } of errors) {
    if (keyword === 'additionalProperties')
      delete (data as Record<string, unknown>)[(params as { additionalProperty: string }).additionalProperty]
  }
}

function rankOf({ keyword }: ErrorObject): number {
  return keyword === 'additionalProperties' ? 0 : 1
}

/** Keywords with a report of their own; `explanations` has all others. */
const reporters: Readonly<Record<string, (check: Check, error: ErrorObject) => void>> = {
  additionalProperties: reportUnknown,
  required: reportMissing,
  propertyNames: reportName,
  uniqueItems: reportRepeated,
}

/** Returns whether errors of this keyword of JSON Schema have an explanation. */
export function hasExplanation(keyword: string): boolean {
  return Object.hasOwn(reporters, keyword) || Object.hasOwn(explanations, keyword)
}

/** Keywords that fail for fields or the number of items, while the value itself has the right type. */
const fieldKeywords = new Set([
  'additionalProperties',
  'required',
  'propertyNames',
  'uniqueItems',
  'minItems',
  'maxItems',
])
const textKeywords = new Set(['format', 'pattern', 'minLength', 'maxLength'])

/** Returns whether a field cannot be text, so that no value of a variable fits it. */
function isTextInVain({ keyword, data, parentSchema }: ErrorObject): boolean {
  if (typeof data !== 'string') return false
  if (keyword === 'type') return true
  const { oneOf = [] } = parentSchema as Schema
  return keyword === 'oneOf' && oneOf.every(({ type, $ref }) => type !== 'string' && $ref === undefined)
}

// A text with a variable that may be missing stays as written.
function hasMissingVariable(
  loadContext: LoadContext,
  root: unknown,
  { keyword, instancePath }: ErrorObject,
): boolean {
  return textKeywords.has(keyword) && isSkipped(loadContext, root, fromPointer(instancePath))
}

// A failed alternative comes with an error for each of its branches. What counts is either what is wrong within the branch
// that was meant, or the one error that lists the alternatives.
function relevantErrors(errors: readonly ErrorObject[]): ErrorObject[] {
  const within = new Set<string>()
  for (const { instancePath, keyword } of errors) {
    if (sizeKeywords.has(keyword)) within.add(instancePath)
    for (let end = instancePath.lastIndexOf('/'); end > 0; end = instancePath.lastIndexOf('/', end - 1)) {
      within.add(instancePath.slice(0, end))
    }
  }
  const alternatives = new Set(
    errors.filter(error => error.keyword === 'oneOf').map(error => error.instancePath),
  )
  return errors.filter(({ instancePath, keyword, propertyName, params, parentSchema, data }) => {
    if (propertyName !== undefined) return false
    // Unknown fields are reported as such.
    const { properties } = (parentSchema ?? {}) as Schema
    if (keyword === 'maxProperties' && properties !== undefined) {
      const known = Object.keys(data as object).filter(name => Object.hasOwn(properties, name))
      if (known.length <= (params as { limit: number }).limit) return false
    }
    if (!alternatives.has(instancePath)) return true
    return within.has(instancePath) ? sizeKeywords.has(keyword) : keyword === 'oneOf'
  })
}

const sizeKeywords = new Set(['minItems', 'maxItems', 'uniqueItems'])

// A missing field may be in the fragment that cannot be read.
function mayBeInFragment({ incomplete }: LoadContext, { instancePath, keyword }: ErrorObject): boolean {
  return (
    incomplete &&
    (keyword === 'required' || keyword === 'minProperties') &&
    /^(?:\/[a-z]+)?$/.test(instancePath)
  )
}

function reportUnknown(check: Check, { instancePath, params, parentSchema, data }: ErrorObject): void {
  const { additionalProperty: name } = params as { additionalProperty: string }
  const finding = explainUnknown(parentSchema as Schema, data as object, name)
  const path = [...fromPointer(instancePath), name]
  if (finding.suggestion !== undefined) check.misspelled.add(`${instancePath}\0${finding.suggestion}`)
  if (looksLikeCredential(name)) redact(check.loadContext, check.root, path)
  reportFinding(check, finding, path, 'key')
}

function reportMissing(check: Check, { instancePath, params, parentSchema, data }: ErrorObject): void {
  const { missingProperty: name } = params as { missingProperty: string }
  if (check.loadContext.partial.has(data)) return
  if (check.misspelled.has(`${instancePath}\0${name}`)) return
  reportFinding(check, explainMissing(parentSchema as Schema, name), fromPointer(instancePath), 'key')
}

function reportName(check: Check, error: ErrorObject): void {
  const { propertyName } = error.params as { propertyName: string }
  reportFinding(check, explain(check, error, []), [...fromPointer(error.instancePath), propertyName], 'key')
}

function reportRepeated(check: Check, { instancePath, params }: ErrorObject): void {
  for (const index of (params as { repeated: number[] }).repeated) {
    const path = [...fromPointer(instancePath), String(index)]
    const message = `${quoteValue(check.loadContext, check.root, path)} is in this list twice`
    reportFinding(check, { code: 'GH1211', message, help: 'remove one of them' }, path, 'value')
  }
}

function reportValue(check: Check, error: ErrorObject): void {
  const path = fromPointer(error.instancePath)
  const { tag, tagValue } = error.params as { tag?: string; tagValue?: unknown }
  const at = tag === undefined || tagValue === undefined ? path : [...path, tag]
  const finding = explainSecret(check.loadContext, check.root, error, at) ?? explain(check, error, at)
  reportFinding(check, finding, at, finding.code === 'GH1202' ? 'key' : 'value')
}

function explain({ loadContext, root }: Check, error: ErrorObject, path: Path): Finding {
  return explanations[error.keyword]!(error, {
    label: labelOf(root, path),
    written: quoteValue(loadContext, root, path),
  })
}

function reportFinding(
  { loadContext, root }: Check,
  { code, ...explanation }: Finding,
  path: Path,
  part: Part,
): void {
  const { span } = locate(loadContext, root, path, part)
  report(loadContext, code, span, { ...explanation, path: toPointer(path) })
}

function labelOf(root: unknown, path: Path): string {
  const last = path.at(-1)
  if (last === undefined) return 'the configuration'
  const container = valueAt(root, path.slice(0, -1))
  return Array.isArray(container) ? `item ${Number(last) + 1} of \`${path.at(-2)}\`` : `\`${last}\``
}

function valueAt(root: unknown, path: Path): unknown {
  return path.reduce<unknown>((value, step) => (value as Record<string, unknown> | undefined)?.[step], root)
}

function remove(root: unknown, path: Path): void {
  const container = valueAt(root, path.slice(0, -1))
  if (path.length > 0 && container !== undefined)
    (container as Record<string, unknown>)[path.at(-1)!] = undefined
}
