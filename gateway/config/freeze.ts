/**
 * Freezes a value deeply, and removes the prototypes of its maps. Validation and JSON.parse create maps with a prototype,
 * and a role may be called `constructor`.
 */
export function freeze<T extends object>(value: T): T {
  for (const child of Object.values(value))
    if (typeof child === 'object' && child !== null) freeze(child as object)
  return Object.freeze(Array.isArray(value) ? value : Object.setPrototypeOf(value, null))
}
