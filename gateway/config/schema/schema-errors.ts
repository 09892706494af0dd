import type { ErrorObject } from 'ajv/dist/2020.js'
import { maxKept, report, type LoadContext } from '../document/load-context.ts'
import { isOpaque, locate, written, type Part } from '../document/locate.ts'
import { fromPointer, toPointer, type Path } from '../document/pointer.ts'
import { validateSchema, type Schema } from './schema.ts'
import { explainMissing, explainUnknown, explanations, type Finding } from './schema-messages.ts'
import { explainSecret } from './schema-secrets.ts'
import { looksLikeCredential, mask } from '../document/sensitive.ts'

type Validate = (root: unknown) => readonly ErrorObject[]

/** One check against the schema. */
interface Check {
  readonly loadContext: LoadContext
  readonly root: unknown
  /** Missing fields that an unknown field beside them was meant to be: pointer of the map, and field. */
  readonly misspelt: Set<string>
}

/**
 * Checks the plain configuration against the schema, fills defaults in, and reports what is wrong. Values that are
 * wrong are then taken out, so that what is left has the types of the schema, though fields may be missing.
 */
export function checkSchema(
  loadContext: LoadContext,
  root: unknown,
  validate: Validate = validateSchema,
): void {
  const errors = tellingOnly(validate(root))
  const all = errors
    .filter(error => !isOpaque(loadContext, root, fromPointer(error.instancePath)))
    .filter(error => !isOwedToFragment(loadContext, error))
  const telling = all.slice(0, maxKept.error)
  const check: Check = { loadContext, root, misspelt: new Set() }
  // Unknown fields first: they explain some of what is missing.
  for (const error of telling) if (error.keyword === 'additionalProperties') reportUnknown(check, error)
  for (const error of telling) {
    if (error.keyword === 'required') reportMissing(check, error)
    else if (error.keyword === 'propertyNames') reportName(check, error)
    else if (error.keyword === 'uniqueItems') reportRepeated(check, error)
    else if (error.keyword !== 'additionalProperties') reportValue(check, error)
  }
  loadContext.found.error += all.length - telling.length
  const wrong = errors.filter(error => !ofFields.has(error.keyword) && !isStandIn(loadContext, root, error))
  for (const { instancePath } of wrong) takeOut(root, fromPointer(instancePath))
  // An unknown field of one kind of entry may be a field of another kind, with another type.
  for (const { keyword, data, params } of errors) {
    if (keyword === 'additionalProperties')
      delete (data as Record<string, unknown>)[(params as { additionalProperty: string }).additionalProperty]
  }
}

/** Keywords that fail for a field or a number of items, while the value itself is of its type. */
const ofFields = new Set([
  'additionalProperties',
  'required',
  'propertyNames',
  'uniqueItems',
  'minItems',
  'maxItems',
])
const ofText = new Set(['format', 'pattern', 'minLength', 'maxLength'])

// Text with a variable that may be missing stays as it was written.
function isStandIn(loadContext: LoadContext, root: unknown, { keyword, instancePath }: ErrorObject): boolean {
  return ofText.has(keyword) && isOpaque(loadContext, root, fromPointer(instancePath))
}

// A failed alternative comes with an error for each of its branches. Either what is wrong within the branch that was
// meant is told, or in one line what the alternatives are.
function tellingOnly(errors: readonly ErrorObject[]): ErrorObject[] {
  const within = new Set<string>()
  for (const { instancePath, keyword } of errors) {
    if (counts.has(keyword)) within.add(instancePath)
    for (let end = instancePath.lastIndexOf('/'); end > 0; end = instancePath.lastIndexOf('/', end - 1)) {
      within.add(instancePath.slice(0, end))
    }
  }
  const alternatives = new Set(
    errors.filter(error => error.keyword === 'oneOf').map(error => error.instancePath),
  )
  return errors.filter(({ instancePath, keyword, propertyName }) => {
    if (propertyName !== undefined) return false
    if (!alternatives.has(instancePath)) return true
    return within.has(instancePath) ? counts.has(keyword) : keyword === 'oneOf'
  })
}

const counts = new Set(['minItems', 'maxItems', 'uniqueItems'])

// While a fragment cannot be read, what is missing may stand in it.
function isOwedToFragment({ incomplete }: LoadContext, { instancePath, keyword }: ErrorObject): boolean {
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
  if (finding.suggestion !== undefined) check.misspelt.add(`${instancePath}\0${finding.suggestion}`)
  if (looksLikeCredential(name)) mask(check.loadContext, check.root, path)
  reportFinding(check, finding, path, 'key')
}

function reportMissing(check: Check, { instancePath, params, parentSchema, data }: ErrorObject): void {
  const { missingProperty: name } = params as { missingProperty: string }
  if (check.loadContext.partial.has(data)) return
  if (check.misspelt.has(`${instancePath}\0${name}`)) return
  reportFinding(check, explainMissing(parentSchema as Schema, name), fromPointer(instancePath), 'key')
}

function reportName(check: Check, error: ErrorObject): void {
  const { propertyName } = error.params as { propertyName: string }
  reportFinding(check, explain(check, error, []), [...fromPointer(error.instancePath), propertyName], 'key')
}

function reportRepeated(check: Check, { instancePath, params }: ErrorObject): void {
  for (const index of (params as { repeated: number[] }).repeated) {
    const path = [...fromPointer(instancePath), String(index)]
    const message = `${written(check.loadContext, check.root, path)} stands in this list already; take one out`
    reportFinding(check, { code: 'GH1211', message }, path, 'value')
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
  const explainer = explanations[error.keyword]
  if (explainer === undefined)
    return { code: 'GH1203', message: `this does not fit here: it ${error.message}` }
  return explainer(error, { label: labelOf(root, path), written: written(loadContext, root, path) })
}

function reportFinding(
  { loadContext, root }: Check,
  { code, message, suggestion }: Finding,
  path: Path,
  part: Part,
): void {
  report(loadContext, code, locate(loadContext, root, path, part).span, message, {
    path: toPointer(path),
    suggestion,
  })
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

function takeOut(root: unknown, path: Path): void {
  const container = valueAt(root, path.slice(0, -1))
  if (path.length > 0 && container !== undefined)
    (container as Record<string, unknown>)[path.at(-1)!] = undefined
}
