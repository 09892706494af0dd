/** Remaining work for suggestions. Comparing every wrong name with every known name takes quadratic time. */
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

/** Returns the candidate with the smallest edit distance; undefined when none is close, or the budget is spent. */
export function nearest(
  written: string,
  candidates: Iterable<string>,
  budget: SuggestionBudget = createBudget(),
): string | undefined {
  if (written.length > maxName || budget.names <= 0) return undefined
  budget.names--
  let best: string | undefined
  let limit = Math.max(1, Math.floor(written.length / 3)) + 1
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - written.length) >= limit) continue
    budget.pairs -= written.length * candidate.length
    if (budget.pairs < 0) return undefined
    const distance = candidate.toLowerCase() === written.toLowerCase() ? 0 : editDistance(written, candidate)
    if (distance < limit) [best, limit] = [candidate, distance]
  }
  return best
}

const maxChoices = 12

/** Returns the help for a wrong name: the name that was probably meant, the names to choose from, or `none`. */
export function helpWithName(suggestion: string | undefined, known: readonly string[], none: string): string {
  if (suggestion !== undefined) return `did you mean \`${suggestion}\`?`
  if (known.length === 0) return none
  const named = known.slice(0, maxChoices).map(name => `\`${name}\``)
  if (known.length > maxChoices)
    return `use one of ${named.join(', ')} and ${known.length - maxChoices} others`
  const last = named.pop()!
  return named.length === 0 ? `use ${last}` : `use ${named.join(', ')} or ${last}`
}

/** Rows of the distance table. A candidate is at most half longer than a name. */
const rows = [0, 1, 2].map(() => new Uint16Array(2 * maxName)) as [Uint16Array, Uint16Array, Uint16Array]

// Optimal string alignment: swapping two neighbours, the most common slip, counts once.
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
