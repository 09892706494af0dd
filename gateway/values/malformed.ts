/** A text in the wrong format. Neither part repeats the text, which may come from the environment. */
export class MalformedError extends Error {
  override name = 'MalformedError'
  /** One imperative clause that says what to write instead. */
  readonly help: string

  /**
   * @param message description of the text that can follow *is*, or be alone, such as `not a duration`
   * @param help imperative clause that says what to write instead
   */
  constructor(message: string, help: string) {
    super(message)
    this.help = help
  }
}
