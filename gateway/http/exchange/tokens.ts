/** The access token that a caller presented, held for the time of its request. */
export interface Subject {
  readonly token: string
  /** When it expires, in milliseconds since the epoch. */
  readonly expires: number
}

/** Source of the token that the gateway presents to an upstream. */
export interface TokenSource {
  /**
   * Returns the token to present now. Rejects with a TokenUnavailable.
   *
   * @param subject undefined if the caller presented no access token
   */
  token(subject?: Subject): Promise<string>
  /**
   * Returns another token in place of one that the upstream refused; undefined if the last such replacement was too
   * recent. Rejects with a TokenUnavailable.
   */
  renew(refused: string, subject?: Subject): Promise<string | undefined>
}

/** Error response of a token endpoint. */
export interface EndpointAnswer {
  readonly status: number
  /** Its error code if it is a known one (RFC 6749 §5.2), else empty. */
  readonly error: string
}

/** The gateway has no token for the upstream. Neither the code nor the message holds a secret. */
export class TokenUnavailable extends Error {
  override readonly name: string = 'TokenUnavailable'
  /** Reason in one word, for the log. */
  readonly code: string
  /** Undefined if the endpoint did not respond. */
  readonly answer: EndpointAnswer | undefined

  constructor(code: string, answer?: EndpointAnswer) {
    super(`no token for the upstream: ${code}`)
    this.code = code
    this.answer = answer
  }
}

/** The endpoint refused the caller's token; another token of the caller may be accepted. */
export class ExchangeRefused extends TokenUnavailable {
  override readonly name = 'ExchangeRefused'
}
