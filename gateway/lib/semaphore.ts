/** Bounds of one lane of a semaphore. */
export interface LaneBounds {
  readonly maxRunning: number
  readonly maxWaiting: number
}

/** Limits how much work runs at once, in each lane and in all of them. Waiting work of an earlier lane starts first. */
export interface Semaphore {
  /** Returns whether work in a lane would have to wait, and its queue has no room. Ask before `run`. */
  isFull(lane: number): boolean
  /** Runs work as soon as a slot is free. Rejects as the work does, or as its wait was ended. */
  run<Result>(lane: number, work: () => Promise<Result>): Promise<Result>
  /** Ends the wait of all work; it rejects with the reason. */
  rejectWaiting(reason: Error): void
}

/** Makes a semaphore with free slots and empty queues. */
export function createSemaphore(maxRunning: number, bounds: readonly LaneBounds[]): Semaphore {
  const lanes = bounds.map(bound => ({
    ...bound,
    running: 0,
    waiting: [] as { start(): void; reject(reason: Error): void }[],
  }))
  type Lane = (typeof lanes)[number]
  let running = 0

  const hasSlot = (lane: Lane): boolean => running < maxRunning && lane.running < lane.maxRunning
  function take(lane: Lane): void {
    running++
    lane.running++
  }
  function release(lane: Lane): void {
    running--
    lane.running--
    for (const next of lanes) {
      while (next.waiting.length > 0 && hasSlot(next)) {
        take(next)
        next.waiting.shift()!.start()
      }
    }
  }

  return {
    isFull(index) {
      const lane = lanes[index]!
      return !hasSlot(lane) && lane.waiting.length >= lane.maxWaiting
    },
    async run(index, work) {
      const lane = lanes[index]!
      if (hasSlot(lane)) take(lane)
      else await new Promise<void>((start, reject) => lane.waiting.push({ start, reject }))
      try {
        return await work()
      } finally {
        release(lane)
      }
    },
    rejectWaiting(reason) {
      for (const { waiting } of lanes) for (const one of waiting.splice(0)) one.reject(reason)
    },
  }
}
