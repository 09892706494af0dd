/**
 * What went wrong between here and a plain-http upstream, apart from what the system reports itself:
 * `answer_malformed` it is not HTTP/1.1 as it must be; `answer_stalled` its body was silent for too long;
 * `connection_closed` the upstream closed before its answer was whole; `connect_timeout` nobody took the connection;
 * `request_unfit` a header that no request can carry; `pool_closed` the upstream is no longer in use.
 */
export type WireErrorCode =
  | 'answer_malformed'
  | 'answer_stalled'
  | 'connection_closed'
  | 'connect_timeout'
  | 'request_unfit'
  | 'pool_closed'

/** A failure with a code of its own; the message never holds a value that was sent or received. */
export class WireError extends Error {
  override readonly name = 'WireError'
  readonly code: WireErrorCode

  constructor(code: WireErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

/** Refuses an answer; the sentence says what in it is against the protocol. */
export function malformed(what: string): never {
  throw new WireError('answer_malformed', `the upstream's answer ${what}`)
}
