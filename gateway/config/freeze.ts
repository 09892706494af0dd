/**
 * Freezes a value and all that is in it, and takes the prototypes of its maps away: those that validation or JSON.parse
 * made have one, and a role may be called `constructor`.
 */
export function freeze<T extends object>(value: T): T {
  for (const child of Object.values(value))
    if (typeof child === 'object' && child !== null) freeze(child as object)
  return Object.freeze(Array.isArray(value) ? value : Object.setPrototypeOf(value, null))
}
