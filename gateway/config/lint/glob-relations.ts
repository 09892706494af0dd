import { anyOne, anyRun, type Glob } from '../../values/glob.ts'

/**
 * Returns whether every name that matches `narrow` also matches `wide`. True is certain; false may be wrong for several
 * adjacent wildcards, such as `?*` and `*?`.
 */
export function covers(wide: Glob, narrow: Glob): boolean {
  const [pattern, text] = [wide.tokens, narrow.tokens]
  let [at, token] = [0, 0]
  let [retryAt, retryToken] = [0, -1]
  while (at < text.length) {
    const wanted = pattern[token]
    if (wanted === anyRun) {
      token += 1
      retryToken = token
      retryAt = at
    } else if (text[at] !== anyRun && (wanted === anyOne || wanted === text[at])) {
      token += 1
      at += 1
    } else if (retryToken !== -1) {
      retryAt += 1
      at = retryAt
      token = retryToken
    } else return false
  }
  return pattern.slice(token).every(rest => rest === anyRun)
}

/** Returns whether some name matches both patterns. */
export function haveCommon({ tokens: one }: Glob, { tokens: other }: Glob): boolean {
  // Each row says which prefixes of `other` go with a prefix of `one`. A star consumes a token of the other, or ends.
  let row = other.map((_, at) => other.slice(0, at + 1).every(token => token === anyRun))
  row.unshift(true)
  for (const mine of one) {
    const next = [mine === anyRun && row[0]!]
    for (const [at, theirs] of other.entries()) {
      const alone = mine === anyRun ? row[at + 1]! || next[at]! : false
      const taken = theirs === anyRun ? next[at]! || row[at + 1]! : false
      const both = mine === theirs || mine === anyOne || theirs === anyOne
      next.push(alone || taken || (both && mine !== anyRun && theirs !== anyRun && row[at]!))
    }
    row = next
  }
  return row.at(-1)!
}
