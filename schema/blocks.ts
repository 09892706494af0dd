/** A JSON Schema, as far as docs/configuration.md needs it. */
export interface Node {
  readonly [key: string]: unknown
  readonly $ref?: string
  readonly title?: string
  readonly type?: string
  readonly description?: string
  readonly default?: unknown
  readonly examples?: readonly unknown[]
  readonly properties?: Readonly<Record<string, Node>>
  readonly required?: readonly string[]
  readonly items?: Node
  readonly additionalProperties?: Node | boolean
  readonly oneOf?: readonly Node[]
}

/** An object of the schema, and the heading of its section. */
export interface Block {
  readonly heading: string
  readonly node: Node
}

/** Everything that gets a section, and where each part of the schema is described. */
export interface Reference {
  readonly definitions: Readonly<Record<string, Node>>
  /** In the order of the schema; those that several places refer to come last. */
  readonly blocks: Block[]
  /** Definitions that are a text of their own kind, such as a duration. */
  readonly types: Block[]
  /** Headings by the name of a definition, or by an object that is written in its place. */
  readonly headings: Map<string | Node, string>
}

/** Returns the name of the definition that a node refers to. */
export function nameIn(node: Node): string | undefined {
  return node.$ref?.replace('#/$defs/', '')
}

/**
 * Collects the blocks of a schema.
 *
 * @param heading the heading of the schema itself
 * @param suffix what the headings of its blocks end with
 */
export function collectBlocks(schema: Node, heading: string, suffix: string): Reference {
  const definitions = (schema['$defs'] ?? {}) as Record<string, Node>
  const names = Object.keys(definitions)
  const describe = (name: string): Block => {
    const node = definitions[name]!
    return { heading: words(node.title ?? name), node }
  }
  const shared = usedOften(schema, definitions)
  const types = names.filter(name => definitions[name]!.type === 'string')
  const reference: Reference = {
    definitions,
    blocks: [{ heading, node: schema }],
    types: types.map(describe),
    headings: new Map([...types, ...shared].map(name => [name, describe(name).heading])),
  }
  collectInside(reference, schema, '', suffix)
  reference.blocks.push(...shared.map(describe))
  return reference
}

/** Returns the kinds that a variant of a block is for, as code. */
export function kindsOf({ properties }: Node): string {
  const { const: only, enum: several } = properties!['type']!
  const kinds = (several as string[] | undefined) ?? [only]
  return kinds.map(kind => `\`type: ${kind}\``).join(' or ')
}

function words(title: string): string {
  return title.replaceAll(/(?<=[a-z])[A-Z]/g, letter => ` ${letter.toLowerCase()}`)
}

function isBlock(node: Node): boolean {
  return node.properties !== undefined || node['discriminator'] !== undefined
}

/** Returns the blocks that several places refer to. */
function usedOften(schema: Node, definitions: Readonly<Record<string, Node>>): string[] {
  const uses = JSON.stringify(schema).matchAll(/"#\/\$defs\/(\w+)"/g)
  const counts = Map.groupBy(uses, ([, name]) => name!)
  return Object.keys(definitions).filter(
    name => (counts.get(name)?.length ?? 0) > 1 && isBlock(definitions[name]!),
  )
}

/** Adds a block, and the blocks in it. The suffix tells the variants of a block apart. */
function collect(reference: Reference, node: Node, path: string, suffix: string): void {
  const { definitions, blocks, headings } = reference
  const name = nameIn(node)
  const target = name === undefined ? node : definitions[name]!
  if (headings.has(name ?? node)) return
  if (isBlock(target)) {
    const heading = `\`${path}\`${suffix}`
    headings.set(name ?? node, heading)
    blocks.push({ heading, node: target })
  }
  collectInside(reference, target, path, suffix)
}

function collectInside(reference: Reference, node: Node, path: string, suffix: string): void {
  const { definitions } = reference
  for (const branch of node.oneOf ?? []) {
    const isVariant = node['discriminator'] !== undefined
    collect(reference, branch, path, isVariant ? ` (${kindsOf(definitions[nameIn(branch)!]!)})` : suffix)
  }
  for (const [field, child] of Object.entries(node.properties ?? {})) {
    collect(reference, child, path === '' ? field : `${path}.${field}`, suffix)
  }
  if (node.items !== undefined) collect(reference, node.items, `${path}[]`, suffix)
  if (typeof node.additionalProperties === 'object') {
    collect(reference, node.additionalProperties, `${path}.NAME`, suffix)
  }
}
