/** Something with a deadline. */
export interface Timed {
  /** Milliseconds on the clock of `soon`; 0 for never. */
  deadline: number
  onDeadline(): void
}

/** Milliseconds between two ticks. */
const step = 250

const watched = new Set<Timed>()
let now = 0
let timer: NodeJS.Timeout | undefined

/** Watches a deadline. One timer serves all, because connections get new deadlines too often for a timer each. */
export function watchDeadline(timed: Timed): void {
  if (watched.size === 0) {
    now = performance.now()
    timer = setInterval(look, step).unref()
  }
  watched.add(timed)
}

/** Stops watching a deadline. */
export function endWatch(timed: Timed): void {
  if (watched.delete(timed) && watched.size === 0) clearInterval(timer)
}

/** Returns a deadline that fires up to one tick early. */
export function noLaterThan(milliseconds: number): number {
  return now + milliseconds
}

/** Returns a deadline that fires up to two ticks late; 0 for never. */
export function noEarlierThan(milliseconds: number): number {
  return milliseconds === 0 ? 0 : now + milliseconds + step
}

function look(): void {
  now = performance.now()
  for (const timed of watched) if (timed.deadline !== 0 && timed.deadline <= now) timed.onDeadline()
}
