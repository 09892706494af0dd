/**
 * Codes of failures of a call to a plain-http upstream, beside those of the system. `answer_malformed`: the response is not
 * valid HTTP/1.1. `answer_head_too_large`: its headers or trailers are beyond a bound. `answer_stalled`: its body was
 * silent for too long. `connection_closed`: the upstream closed before the response was complete. `connect_timeout`: the
 * upstream did not accept the connection in time. `request_unfit`: a header cannot be sent. `pool_closed`: the upstream is
 * no longer in use.
 */
export type WireErrorCode =
  | 'answer_malformed'
  | 'answer_head_too_large'
  | 'answer_stalled'
  | 'connection_closed'
  | 'connect_timeout'
  | 'request_unfit'
  | 'pool_closed'

/** A failure with one of these codes. The message never holds a value that was sent or received. */
export class WireError extends Error {
  override readonly name = 'WireError'
  readonly code: WireErrorCode

  constructor(code: WireErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

/** Throws `answer_malformed`; the clause says what violates the protocol. */
export function malformed(what: string): never {
  throw new WireError('answer_malformed', `the upstream's answer ${what}`)
}
