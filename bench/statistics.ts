/** A figure of several rounds. */
export interface Spread {
  readonly median: number
  /** A quarter of the rounds was no greater. */
  readonly low: number
  readonly min: number
  readonly max: number
}

/** The middle one; of an even number, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** Median, first quarter, least and greatest of a figure. */
export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  return {
    median: median(values),
    low: percentile(sorted, 0.25),
    min: Math.min(...values),
    max: Math.max(...values),
  }
}

/** Divides round by round, so that what the machine did to both in one round cancels out. */
export function ratio(above: readonly number[], below: readonly number[]): Spread {
  return spread(above.map((value, round) => value / below[round]!))
}

/** The value that a share of all values does not exceed (nearest rank); they must be sorted. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
}
