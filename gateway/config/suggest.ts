/** The candidate that was probably meant, by edit distance; undefined when none is near. */
export function nearest(written: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined
  let least = Math.max(1, Math.floor(written.length / 3)) + 1
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - written.length) >= least) continue
    const distance = candidate.toLowerCase() === written.toLowerCase() ? 0 : editDistance(written, candidate)
    if (distance < least) [best, least] = [candidate, distance]
  }
  return best
}

/** A clause for a message: `, did you mean …?`, or what there is to choose from, or that there is nothing. */
export function instead(suggestion: string | undefined, known: readonly string[], none: string): string {
  if (suggestion !== undefined) return `, did you mean \`${suggestion}\`?`
  if (known.length === 0) return `: ${none}`
  const shown = known.slice(0, 12).map(name => `\`${name}\``)
  return `; there ${known.length === 1 ? 'is' : 'are'} ${shown.join(', ')}${known.length > 12 ? ' and others' : ''}`
}

// Optimal string alignment: a swap of two neighbours, the commonest slip, counts once.
function editDistance(from: string, to: string): number {
  let [previous, row]: [number[], number[]] = [[], Array.from({ length: to.length + 1 }, (_, index) => index)]
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i]
    for (let j = 1; j <= to.length; j += 1) {
      const same = from[i - 1] === to[j - 1]
      let cost = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (same ? 0 : 1))
      if (i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]) {
        cost = Math.min(cost, previous[j - 2]! + 1)
      }
      next.push(cost)
    }
    ;[previous, row] = [row, next]
  }
  return row.at(-1)!
}
