import { createSemaphore } from '../lib/semaphore.ts'

/** Too many questions are waiting or running already. */
export class TooManyQuestions extends Error {
  override readonly name = 'TooManyQuestions'
}

const maxRunning = 32
const maxWaitMs = 5000
const unknownTokensPerSecond = 100
const unknownTokensBurst = 200
const [known, unknown] = [0, 1] as const
/** Questions about tokens that were active before go first, and always find some slots free of the others. */
const lanes = [
  { maxRunning, maxWaiting: 10_000 },
  { maxRunning: 24, maxWaiting: 100 },
]

/** Limits the questions to an issuer, so that a flood of made-up tokens neither overloads it nor delays known tokens. */
export interface Admission {
  /**
   * Asks a question as soon as a slot is free. Rejects as the question does, or with TooManyQuestions.
   *
   * @param isUnknown the token was never active, and so may be made up
   */
  admit<Answer>(isUnknown: boolean, ask: () => Promise<Answer>): Promise<Answer>
  /** Ends the wait of all questions: the issuer cannot be reached. */
  dismiss(reason: Error): void
}

/** @param now milliseconds since the epoch */
export function createAdmission(now: () => number): Admission {
  const semaphore = createSemaphore(maxRunning, lanes)
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

  return {
    async admit(isUnknown, ask) {
      const lane = isUnknown ? unknown : known
      if (semaphore.isFull(lane) || (isUnknown && isFlood())) throw new TooManyQuestions()
      const since = now()
      return semaphore.run(lane, async () => {
        if (now() - since > maxWaitMs) throw new TooManyQuestions()
        return ask()
      })
    },
    dismiss: semaphore.rejectWaiting,
  }
}
