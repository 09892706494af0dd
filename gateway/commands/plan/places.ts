import { fromPointer } from '../../config/document/pointer.ts'
import type { Side } from './read-side.ts'

/**
 * Returns a function that says where a pointer is in a configuration: file and line, and the pattern if it is one. A place
 * that no file writes has none.
 */
export function placesIn({
  loaded: { config, locate },
  show,
}: Side): (pointer: string) => string | undefined {
  return pointer => {
    const found = locate(pointer)
    if (found === undefined) return undefined
    const where = `${show(found.file)}:${found.line}`
    const value = valueAt(config, pointer)
    return typeof value === 'string' && /\/(?:allow|deny)\/\d+$/.test(pointer)
      ? `${pointer.split('/').at(-2)} ${JSON.stringify(value)} at ${where}`
      : where
  }
}

function valueAt(tree: unknown, pointer: string): unknown {
  let value = tree
  for (const step of fromPointer(pointer)) value = (value as Record<string, unknown> | undefined)?.[step]
  return value
}
