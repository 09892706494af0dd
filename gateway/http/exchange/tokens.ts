/** On whose behalf a token is got: the access token that the caller presented, held for the time of its request. */
export interface Subject {
  readonly token: string
  /** The instant from which it is no longer good, in milliseconds since the epoch. */
  readonly expires: number
}

/** Where the token comes from that the gateway presents to an upstream. */
export interface TokenSource {
  /**
   * The token to present now. Rejects with a TokenUnavailable.
   *
   * @param subject undefined where the caller presented no access token
   */
  token(subject?: Subject): Promise<string>
  /**
   * Another token in place of one that the upstream refused; undefined where none is to be had so soon after the
   * last such. Rejects with a TokenUnavailable.
   */
  renew(refused: string, subject?: Subject): Promise<string | undefined>
}

/** What a token endpoint said in place of a good token. */
export interface EndpointAnswer {
  readonly status: number
  /** Its error code, if it is one that is known (RFC 6749 §5.2); empty otherwise. */
  readonly error: string
}

/** The gateway has no token for the upstream. Neither code nor message ever holds a secret. */
export class TokenUnavailable extends Error {
  override readonly name: string = 'TokenUnavailable'
  /** Why, in a word: for the log. */
  readonly code: string
  /** Undefined where there was no answer. */
  readonly answer: EndpointAnswer | undefined

  constructor(code: string, answer?: EndpointAnswer) {
    super(`no token for the upstream: ${code}`)
    this.code = code
    this.answer = answer
  }
}

/** It has none because of what this caller presented; with another token the caller may get on. */
export class ExchangeRefused extends TokenUnavailable {
  override readonly name = 'ExchangeRefused'
}
