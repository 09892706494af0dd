/** Milliseconds that reading and checking the configuration may take. */
export const loadTimeoutMs = 30_000

/** Reading and checking the configuration took too long, and was given up. */
export class LoadTimeout extends Error {
  override readonly name = 'LoadTimeout'

  /** @param limit milliseconds */
  constructor(limit: number) {
    super(
      `reading the configuration took longer than ${limit / 1000} s and was given up; make the files smaller`,
    )
  }
}
