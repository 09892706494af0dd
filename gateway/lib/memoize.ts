import { BoundedMap } from './bounded-map.ts'

const maxEntries = 256
const maxTextLength = 128

/**
 * Caches the results of a pure function of short texts that recur from request to request, such as header names. The
 * oldest results are dropped first, so that nobody can fill the cache for good.
 */
export function memoize<Result>(judge: (text: string) => Result): (text: string) => Result {
  const known = new BoundedMap<string, Result>(maxEntries)
  return text => {
    const before = known.get(text)
    if (before !== undefined) return before
    const result = judge(text)
    if (text.length <= maxTextLength) known.set(text, result)
    return result
  }
}
