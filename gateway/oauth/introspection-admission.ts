/** There are too many questions already. */
export class TooManyQuestions extends Error {
  override readonly name = 'TooManyQuestions'
}

interface Line {
  readonly waiting: { since: number; go(): void; giveUp(why: Error): void }[]
  running: number
  readonly maxRunning: number
  readonly maxWaiting: number
}

const atOnce = 32
/** Milliseconds. */
const longestWait = 5000
const unknownTokensPerSecond = 100
const unknownTokensBurst = 200

/**
 * Lets questions to an issuer through, so that no flood of made-up tokens wears it out, or keeps those waiting whose
 * tokens were active before.
 */
export interface Admission {
  /**
   * Asks a question as soon as there is room. Rejects as it does, or with TooManyQuestions.
   *
   * @param isUnknown the question is about a token that never was active, and so may be made up
   */
  admit<Answer>(isUnknown: boolean, ask: () => Promise<Answer>): Promise<Answer>
  /** Ends the wait of everybody: nobody is there to be asked. */
  dismiss(why: Error): void
}

/** @param now milliseconds since the epoch */
export function createAdmission(now: () => number): Admission {
  const known: Line = { waiting: [], running: 0, maxRunning: atOnce, maxWaiting: 10_000 }
  const unknownTokens: Line = { waiting: [], running: 0, maxRunning: 24, maxWaiting: 100 }
  let room = unknownTokensBurst
  let countedAt = now()

  function isFlood(): boolean {
    const at = now()
    const earned = (Math.max(at - countedAt, 0) / 1000) * unknownTokensPerSecond
    room = Math.min(room + earned, unknownTokensBurst)
    countedAt = at
    if (room < 1) return true
    room--
    return false
  }
  function hasRoom(line: Line): boolean {
    return known.running + unknownTokens.running < atOnce && line.running < line.maxRunning
  }
  function next(): void {
    for (const line of [known, unknownTokens]) {
      while (line.waiting.length > 0 && hasRoom(line)) {
        const one = line.waiting.shift()!
        if (now() - one.since > longestWait) {
          one.giveUp(new TooManyQuestions())
          continue
        }
        line.running++
        one.go()
      }
    }
  }

  return {
    async admit(isUnknown, ask) {
      const line = isUnknown ? unknownTokens : known
      const full = line.waiting.length >= line.maxWaiting
      if (full || (isUnknown && isFlood())) throw new TooManyQuestions()
      if (hasRoom(line)) line.running++
      else await new Promise<void>((go, giveUp) => line.waiting.push({ since: now(), go, giveUp }))
      try {
        return await ask()
      } finally {
        line.running--
        next()
      }
    },
    dismiss(why) {
      for (const { waiting } of [known, unknownTokens]) waiting.splice(0).forEach(one => one.giveUp(why))
    },
  }
}
