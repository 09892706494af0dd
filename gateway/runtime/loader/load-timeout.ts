/** Milliseconds that reading and checking the configuration may take. */
export const loadTimeoutMs = 30_000

/** Reading and checking a file took too long, and was given up. */
export class LoadTimeout extends Error {
  override readonly name = 'LoadTimeout'

  /**
   * @param subject what was read
   * @param limit milliseconds
   */
  constructor(subject: string, limit: number) {
    super(`reading ${subject} took longer than ${limit / 1000} s and was given up; make the files smaller`)
  }
}
