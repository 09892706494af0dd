import type { Principal } from '../../auth/principal.ts'
import { Refusal } from '../../mcp/errors.ts'

/** Limits on what is in flight in one worker; bytes are those of request bodies and lists that are held. */
interface Limits {
  readonly calls: number
  readonly bodyBytes: number
  readonly listBytes: number
}

const mebibyte = 1024 * 1024
const ofPrincipal: Limits = { calls: 1000, bodyBytes: 64 * mebibyte, listBytes: 64 * mebibyte }
const ofProxy: Limits = { calls: 4000, bodyBytes: 256 * mebibyte, listBytes: 256 * mebibyte }
const none: Limits = { calls: Infinity, bodyBytes: Infinity, listBytes: Infinity }

class Usage {
  readonly limits: Limits
  /** Number of requests that share it. */
  users = 0
  calls = 0
  bodyBytes = 0
  listBytes = 0

  constructor(limits: Limits) {
    this.limits = limits
  }
}

/** Usage of one proxy, and of each principal on it. */
interface ProxyUsage {
  readonly all: Usage
  readonly byPrincipal: Map<string, Usage>
}

/** Share of one request in the usage of its principal and proxy. A class, because each request has one. */
export class Share {
  readonly #own: Usage
  readonly #all: Usage
  readonly #onRelease: (own: Usage) => void
  #calls = 1
  #bodyBytes = 0
  #listBytes = 0
  #isReleased = false

  constructor(own: Usage, all: Usage, onRelease: (own: Usage) => void) {
    this.#own = own
    this.#all = all
    this.#onRelease = onRelease
    for (const usage of [own, all]) {
      usage.users++
      usage.calls++
    }
  }

  /** Counts the request as a stream of notifications rather than a call: only connections limit those. */
  becomeStream(): void {
    this.#own.calls -= this.#calls
    this.#all.calls -= this.#calls
    this.#calls = 0
  }

  /** Adds bytes of the body; returns false if that is too much. The only body that is held may always grow. */
  addBody(bytes: number): boolean {
    const [own, all] = [this.#own, this.#all]
    const others = own.bodyBytes - this.#bodyBytes
    if (others > 0 && own.bodyBytes + bytes > own.limits.bodyBytes) return false
    if (others > 0 && all.bodyBytes + bytes > all.limits.bodyBytes) return false
    own.bodyBytes += bytes
    all.bodyBytes += bytes
    this.#bodyBytes += bytes
    return true
  }

  /** Releases the bytes of the body, which was sent or is no longer needed. */
  releaseBody(): void {
    this.#own.bodyBytes -= this.#bodyBytes
    this.#all.bodyBytes -= this.#bodyBytes
    this.#bodyBytes = 0
  }

  /** Adds bytes of a buffered response; returns false if that is too much. The only one that is held may always grow. */
  addList(bytes: number): boolean {
    const [own, all] = [this.#own, this.#all]
    const others = own.listBytes - this.#listBytes
    if (others > 0 && own.listBytes + bytes > own.limits.listBytes) return false
    if (others > 0 && all.listBytes + bytes > all.limits.listBytes) return false
    own.listBytes += bytes
    all.listBytes += bytes
    this.#listBytes += bytes
    return true
  }

  /** Subtracts everything from the usage, once. */
  release(): void {
    if (this.#isReleased) return
    this.#isReleased = true
    this.becomeStream()
    this.releaseBody()
    this.#own.listBytes -= this.#listBytes
    this.#all.listBytes -= this.#listBytes
    this.#own.users--
    this.#all.users--
    this.#onRelease(this.#own)
  }
}

/** Usage of this worker, across reloads. */
export interface UsageCounts {
  /**
   * Counts a request in.
   *
   * @throws Refusal `overloaded` if too much is in flight already
   */
  enter(proxy: string, principal: Principal): Share
  /** Returns the number of requests that are counted, streams included. */
  requests(): number
}

/** Starts with no usage. */
export function createUsageCounts(): UsageCounts {
  const proxies = new Map<string, ProxyUsage>()
  return {
    enter(proxy, { kind, name }) {
      let usage = proxies.get(proxy)
      if (usage === undefined)
        proxies.set(proxy, (usage = { all: new Usage(ofProxy), byPrincipal: new Map() }))
      const { all, byPrincipal } = usage
      // The name of an API key has no space.
      const identity = kind === 'key' ? name : `${kind} ${name}`
      const own = byPrincipal.get(identity) ?? new Usage(kind === 'anonymous' ? none : ofPrincipal)
      if (own.calls >= own.limits.calls || all.calls >= all.limits.calls) throw new Refusal('calls_in_flight')
      if (own.users === 0) byPrincipal.set(identity, own)
      return new Share(own, all, left => {
        if (left.users === 0) byPrincipal.delete(identity)
        if (all.users === 0) proxies.delete(proxy)
      })
    },
    requests: () => [...proxies.values()].reduce((total, { all }) => total + all.users, 0),
  }
}
