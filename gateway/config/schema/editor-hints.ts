type Node = Record<string, unknown>

/**
 * Parses a schema without what is in it for editors only: patterns beside formats and their messages, the fields that
 * repeat those of the variants, and the alternative of `proxies` or `include`. The gateway checks the formats and the
 * variants themselves, and needs the proxies, because it has merged the fragments.
 */
export function parseWithoutHints(text: string): Node {
  return JSON.parse(text, (name, node: unknown) => {
    if (typeof node !== 'object' || node === null || Array.isArray(node)) return node
    const { patternErrorMessage: _message, anyOf, ...rest } = node as Node
    if (typeof rest['format'] === 'string') delete rest['pattern']
    if (rest['discriminator'] !== undefined) delete rest['properties']
    if (anyOf === undefined) return rest
    return name === '' ? { ...rest, required: requiredOf(rest, (anyOf as Node[])[0]!) } : { ...rest, anyOf }
  }) as Node
}

function requiredOf(...nodes: Node[]): string[] {
  return nodes.flatMap(({ required }) => (required as string[] | undefined) ?? [])
}
