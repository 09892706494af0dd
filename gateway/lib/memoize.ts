const maxEntries = 256
const maxTextLength = 128

/**
 * Remembers what a function says of short texts that are the same from request to request, such as names of headers.
 * When there are too many it begins anew, so that nobody can fill it for good.
 */
export function memoize<Result>(judge: (text: string) => Result): (text: string) => Result {
  const known = new Map<string, Result>()
  return text => {
    const before = known.get(text)
    if (before !== undefined) return before
    const result = judge(text)
    if (text.length <= maxTextLength) {
      if (known.size === maxEntries) known.clear()
      known.set(text, result)
    }
    return result
  }
}
