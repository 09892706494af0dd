/**
 * Text that is not what it should be. The message says what to write instead and never repeats the text, which
 * may have come from the environment.
 */
export class MalformedError extends Error {
  override name = 'MalformedError'
}
