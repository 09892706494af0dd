/** The steps from the root of the configuration to a value: field names, and indices as decimal text. */
export type Path = readonly (string | number)[]

/** RFC 6901. */
export function toPointer(path: Path): string {
  return path.map(step => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

/** RFC 6901; what does not begin with a slash is the root. */
export function fromPointer(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map(step => step.replaceAll('~1', '/').replaceAll('~0', '~'))
}
