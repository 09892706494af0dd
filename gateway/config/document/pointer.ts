/** Steps from the root of the configuration to a value: field names and indices. */
export type Path = readonly (string | number)[]

/** Returns a path as a JSON pointer (RFC 6901). */
export function toPointer(path: Path): string {
  return path.map(step => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

/** Returns the path of a JSON pointer (RFC 6901). A text without a leading slash is the root. */
export function fromPointer(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map(step => step.replaceAll('~1', '/').replaceAll('~0', '~'))
}
