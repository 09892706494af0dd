/**
 * A forward proxy did not carry a connection. `proxy_unreachable`: it cannot be reached, or breaks off. `proxy_timeout`: it
 * did not answer in time. `proxy_refused`: it answered with an error. The message never contains a credential.
 */
export class ProxyFailed extends Error {
  override readonly name = 'ProxyFailed'
  readonly code: 'proxy_unreachable' | 'proxy_timeout' | 'proxy_refused'
  /** Status of the proxy's answer; 0 if there is none. */
  readonly status: number

  constructor(code: ProxyFailed['code'], { status = 0, cause }: { status?: number; cause?: unknown } = {}) {
    super(`the forward proxy failed: ${code}${status === 0 ? '' : ` with status ${status}`}`, { cause })
    this.code = code
    this.status = status
  }
}
