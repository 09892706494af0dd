import type { Principal } from '../../auth/principal.ts'
import { Refusal } from '../../mcp/errors.ts'

/** Limits on what is under way in one thread at the same time; bytes are those of bodies and lists that are held. */
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
  /** Number of requests that hold on to it. */
  users = 0
  calls = 0
  bodyBytes = 0
  listBytes = 0

  constructor(limits: Limits) {
    this.limits = limits
  }
}

/** Counts of one proxy, and of each principal on it. */
interface ProxyUsage {
  readonly all: Usage
  readonly byPrincipal: Map<string, Usage>
}

/** What one request adds to the counts of its principal and its proxy. A class, because each request has one. */
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

  /** It is no call but a stream of news, of which a client may have many: connections bound them. */
  becomeStream(): void {
    this.#own.calls -= this.#calls
    this.#all.calls -= this.#calls
    this.#calls = 0
  }

  /** Adds bytes of the body; false where that is too much. A body that is held alone may always grow. */
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

  /** The body was sent, or is no longer needed. */
  releaseBody(): void {
    this.#own.bodyBytes -= this.#bodyBytes
    this.#all.bodyBytes -= this.#bodyBytes
    this.#bodyBytes = 0
  }

  /** Adds bytes of an answer that is held back; false where that is too much. One that is held alone may always grow. */
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

  /** Takes everything out of the counts, once. */
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

/** Counts of what is under way in this thread, over reloads. */
export interface UsageCounts {
  /**
   * Counts a request in.
   *
   * @throws Refusal `overloaded` where too much is under way already
   */
  enter(proxy: string, principal: Principal): Share
  /** Returns how many requests are counted, streams of news included. */
  requests(): number
}

/** Makes counts that are all zero. */
export function createUsageCounts(): UsageCounts {
  const proxies = new Map<string, ProxyUsage>()
  return {
    enter(proxy, { kind, name }) {
      let usage = proxies.get(proxy)
      if (usage === undefined)
        proxies.set(proxy, (usage = { all: new Usage(ofProxy), byPrincipal: new Map() }))
      const { all, byPrincipal } = usage
      // No key has a space in its name.
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
