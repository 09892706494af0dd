/** A figure of several rounds. */
export interface Spread {
  readonly median: number
  /** First quartile. */
  readonly low: number
  readonly min: number
  readonly max: number
}

/** Returns the median: the middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** Returns median, first quartile, minimum and maximum of a figure. */
export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  return {
    median: median(values),
    low: percentile(sorted, 0.25),
    min: Math.min(...values),
    max: Math.max(...values),
  }
}

/** Divides round by round, so that disturbances of a round cancel out. */
export function ratio(above: readonly number[], below: readonly number[]): Spread {
  return spread(above.map((value, round) => value / below[round]!))
}

/** Returns the value that a share of all values does not exceed (nearest rank). The values must be sorted. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
}
