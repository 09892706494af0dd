/** There are too many questions already. */
export class TooManyQuestions extends Error {
  override readonly name = 'TooManyQuestions'
}

const atOnce = 32
/** Questions that wait: about tokens that were active before, which are few, and about others, which anybody can make up. */
const mostWaiting = 10_000
const mostStrangersWaiting = 100
/** Milliseconds. */
const longestWait = 5000
const strangersPerSecond = 100
const strangersAtFirst = 200

/** Lets questions to an issuer through, so that no flood of made-up tokens wears it out. */
export interface Admission {
  /**
   * Asks a question as soon as there is room. Rejects as it does, or with TooManyQuestions.
   *
   * @param stranger the question is about a token that never was active
   */
  admit<Answer>(stranger: boolean, ask: () => Promise<Answer>): Promise<Answer>
  /** Ends the wait of everybody: nobody is there to be asked. */
  dismiss(why: Error): void
}

/** @param now milliseconds since the epoch */
export function createAdmission(now: () => number): Admission {
  const waiting: { since: number; go(): void; giveUp(why: Error): void }[] = []
  let running = 0
  let room = strangersAtFirst
  let countedAt = now()

  function isFlood(): boolean {
    const at = now()
    const earned = (Math.max(at - countedAt, 0) / 1000) * strangersPerSecond
    room = Math.min(room + earned, strangersAtFirst)
    countedAt = at
    if (room < 1) return true
    room--
    return false
  }
  function next(): void {
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
      if (now() - one.since <= longestWait) {
        one.go()
        return
      }
      one.giveUp(new TooManyQuestions())
    }
    running--
  }

  return {
    async admit(stranger, ask) {
      const full = waiting.length >= (stranger ? mostStrangersWaiting : mostWaiting)
      if (full || (stranger && isFlood())) throw new TooManyQuestions()
      if (running < atOnce) running++
      else await new Promise<void>((go, giveUp) => waiting.push({ since: now(), go, giveUp }))
      try {
        return await ask()
      } finally {
        next()
      }
    },
    dismiss: why => waiting.splice(0).forEach(one => one.giveUp(why)),
  }
}
