import type { Claims } from './jws.ts'

/**
 * Returns the claim of a name; undefined if there is none. A dot leads into an object, as in `realm_access.roles`. A claim
 * with the whole name comes first, and so does the longest name at each level, because names such as `https://example.com/roles`
 * contain dots too.
 */
export function claimAt(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name]
  for (let dot = name.lastIndexOf('.'); dot > 0; dot = name.lastIndexOf('.', dot - 1)) {
    const first = name.slice(0, dot)
    const value = Object.hasOwn(claims, first) ? claims[first] : undefined
    if (typeof value !== 'object' || value === null || Array.isArray(value)) continue
    const found = claimAt(value as Claims, name.slice(dot + 1))
    if (found !== undefined) return found
  }
  return undefined
}
