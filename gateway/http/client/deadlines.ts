/** Something that ends when its time is up. */
export interface Timed {
  /** Milliseconds on the clock of `soon`; 0 for never. */
  deadline: number
  onDeadline(): void
}

/** Milliseconds from one look at the clock to the next. */
const step = 250

const watched = new Set<Timed>()
let now = 0
let timer: NodeJS.Timeout | undefined

/** Watches a deadline, with one timer for all of them: connections get new ones too often for a timer each. */
export function watchDeadline(timed: Timed): void {
  if (watched.size === 0) {
    now = performance.now()
    timer = setInterval(look, step).unref()
  }
  watched.add(timed)
}

/** Watches it no more. */
export function endWatch(timed: Timed): void {
  if (watched.delete(timed) && watched.size === 0) clearInterval(timer)
}

/** A deadline that comes up to a step before so many milliseconds have passed. */
export function noLaterThan(milliseconds: number): number {
  return now + milliseconds
}

/** A deadline that comes up to two steps after so many milliseconds have passed; 0 is never. */
export function noEarlierThan(milliseconds: number): number {
  return milliseconds === 0 ? 0 : now + milliseconds + step
}

function look(): void {
  now = performance.now()
  for (const timed of watched) if (timed.deadline !== 0 && timed.deadline <= now) timed.onDeadline()
}
