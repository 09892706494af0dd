/** What may still be spent on suggestions: comparing every wrong name with every known one takes quadratic time. */
export interface SuggestionBudget {
  /** Number of names. */
  names: number
  /** Number of pairs of characters. */
  pairs: number
}

/** Returns the budget of one load. */
export function createBudget(): SuggestionBudget {
  return { names: 100, pairs: 40_000_000 }
}

/** Longest name that gets a suggestion, in characters. */
const maxName = 200

/**
 * Returns the candidate that was probably meant, by edit distance; undefined when none is near, and when the budget is
 * spent.
 */
export function nearest(
  written: string,
  candidates: Iterable<string>,
  budget: SuggestionBudget = createBudget(),
): string | undefined {
  if (written.length > maxName || budget.names <= 0) return undefined
  budget.names--
  let best: string | undefined
  let least = Math.max(1, Math.floor(written.length / 3)) + 1
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - written.length) >= least) continue
    budget.pairs -= written.length * candidate.length
    if (budget.pairs < 0) return undefined
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

/** Rows of the table of distances; a candidate is longer than a name by half at the most. */
const rows = [0, 1, 2].map(() => new Uint16Array(2 * maxName)) as [Uint16Array, Uint16Array, Uint16Array]

// Optimal string alignment: a swap of two neighbours, the commonest slip, counts once.
function editDistance(from: string, to: string): number {
  let [previous, row, next] = rows
  for (let j = 0; j <= to.length; j += 1) row[j] = j
  for (let i = 1; i <= from.length; i += 1) {
    next[0] = i
    for (let j = 1; j <= to.length; j += 1) {
      const same = from[i - 1] === to[j - 1]
      let cost = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (same ? 0 : 1))
      if (i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]) {
        cost = Math.min(cost, previous[j - 2]! + 1)
      }
      next[j] = cost
    }
    ;[previous, row, next] = [row, next, previous]
  }
  return row[to.length]!
}
