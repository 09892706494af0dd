import { patternHelp } from '../gateway/config/schema/pattern-help.ts'
import { whyMalformed } from '../gateway/values/formats.ts'
import { patternOf } from './patterns.ts'

const text = String.raw`"(?:[^"\\]|\\.)*"`
const hinted = new RegExp(
  String.raw`(\s*)(?:"format": "([\w-]+)"(?:,\s*"pattern": ${text})?|"pattern": (${text}))(?:,\s*"patternErrorMessage": ${text})?`,
  'g',
)

/**
 * Returns the text of a schema with what editors need: beside each `format` its `pattern`, and beside each `pattern` the
 * message for a text that does not match. `npm run schema` writes both.
 */
export function withEditorHints(schema: string): string {
  return schema.replaceAll(hinted, (_, space: string, format: string | undefined, written: string) => {
    const fields =
      format === undefined
        ? [`"pattern": ${written}`, message(patternHelp[JSON.parse(written) as string])]
        : [
            `"format": "${format}"`,
            `"pattern": ${JSON.stringify(patternOf(format))}`,
            message(whyMalformed(format, '')?.help),
          ]
    return fields.flatMap(field => (field === undefined ? [] : [space + field])).join(',')
  })
}

function message(help: string | undefined): string | undefined {
  if (help === undefined) return undefined
  return `"patternErrorMessage": ${JSON.stringify(`${help[0]!.toUpperCase()}${help.slice(1)}`)}`
}

/** Marks the fields that a fragment may have. */
const fragmentKeyword = 'x-in-fragments'

/** Keywords of these fields that make no sense in a fragment. */
const ofMainFile: ReadonlySet<string> = new Set([fragmentKeyword, 'minProperties'])

type Node = Readonly<Record<string, unknown>>

/** Returns the text of the schema for fragments: the fields of gateway.yaml that a fragment may have. */
export function fragmentSchema(schema: string): string {
  const main = JSON.parse(schema) as {
    $schema: string
    properties: Record<string, Node>
    $defs: Record<string, Node>
  }
  const fields = Object.entries(main.properties).filter(([, field]) => field[fragmentKeyword] === true)
  const properties = Object.fromEntries(
    fields.map(([name, field]) => [
      name,
      Object.fromEntries(Object.entries(field).filter(([keyword]) => !ofMainFile.has(keyword))),
    ]),
  )
  const used = definitionsIn(properties, main.$defs)
  return `${JSON.stringify(
    {
      $schema: main.$schema,
      $id: 'https://gatehouse.dev/schema/fragment-1.json',
      title: 'Fragment',
      description:
        'A file that gateway.yaml includes, for example one per team. The main file may restrict what it declares.',
      type: 'object',
      additionalProperties: false,
      examples: [Object.assign({}, ...fields.map(([name, field]) => ({ [name]: first(field) })))],
      properties,
      $defs: Object.fromEntries(Object.entries(main.$defs).filter(([name]) => used.has(name))),
    },
    null,
    2,
  )}\n`
}

function first({ examples }: Node): unknown {
  return (examples as unknown[])[0]
}

/** Returns the names of the definitions that a part of the schema refers to, directly or through others. */
function definitionsIn(
  part: unknown,
  definitions: Record<string, Node>,
  found = new Set<string>(),
): Set<string> {
  if (typeof part !== 'object' || part === null) return found
  for (const [name, child] of Object.entries(part)) {
    const target = name === '$ref' ? String(child).replace('#/$defs/', '') : undefined
    if (target === undefined) definitionsIn(child, definitions, found)
    else if (!found.has(target)) definitionsIn(definitions[target], definitions, found.add(target))
  }
  return found
}
