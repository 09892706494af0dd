/** A text in the wrong format. Neither part repeats the text, which may come from the environment. */
export class MalformedError extends Error {
  override name = 'MalformedError'
  /** What to write instead: one imperative clause. */
  readonly help: string

  /**
   * @param message what the text is, such as `not a duration`: it can follow *is*, or be alone
   * @param help what to write instead, as an imperative clause
   */
  constructor(message: string, help: string) {
    super(message)
    this.help = help
  }
}
