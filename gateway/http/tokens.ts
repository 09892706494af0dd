/** Where the token comes from that the gateway presents to an upstream. */
export interface TokenSource {
  /** The token to present now. Rejects with a TokenUnavailable. */
  token(): Promise<string>
  /**
   * Another token in place of one that the upstream refused; undefined where none is to be had so soon after the
   * last such. Rejects with a TokenUnavailable.
   */
  renew(refused: string): Promise<string | undefined>
}

/** The gateway has no token for the upstream. Neither code nor message ever holds a secret. */
export class TokenUnavailable extends Error {
  override readonly name = 'TokenUnavailable'
  /** Why, in a word: for the log. */
  readonly code: string

  constructor(code: string) {
    super(`no token for the upstream: ${code}`)
    this.code = code
  }
}
