/** Longest time that a load of the configuration may take, in milliseconds. */
export const loadTimeoutMs = 30_000

/** A load took too long and was aborted. */
export class LoadTimeout extends Error {
  override readonly name = 'LoadTimeout'

  /**
   * @param subject name of what was read
   * @param timeoutMs its time limit
   */
  constructor(subject: string, timeoutMs: number) {
    super(`reading ${subject} took longer than ${timeoutMs / 1000} s and was aborted; make the files smaller`)
  }
}
