import { setTimeout as delay } from 'node:timers/promises'
import type { Settings } from '../config/static-fields.ts'
import type { Log } from '../observe/log.ts'
import { parseWait } from '../values/units.ts'

/** Time for which a stopping gateway still serves, so that whoever probes /readyz can send clients elsewhere. */
export interface Grace {
  /** Returns whether the gateway is stopping, or has stopped. */
  isStopping(this: void): boolean
  /** Notes that /readyz was requested. */
  onProbe(this: void): void
  /** Begins to stop, and waits for `listen.grace`: by default 5 s if /readyz is probed, and otherwise 0. */
  pass(this: void, settings: Settings): Promise<void>
}

const defaultGraceMs = 5000
/** Age from which a probe no longer counts, in milliseconds. Kubernetes probes every 10 s by default. */
const maxProbeAgeMs = 60_000

/** Makes the grace of a gateway that nobody has probed yet. */
export function createGrace(log: Log): Grace {
  let stopping = false
  let probedAt = -Infinity
  const isProbed = (): boolean => performance.now() - probedAt < maxProbeAgeMs
  return {
    isStopping: () => stopping,
    onProbe: () => void (probedAt = performance.now()),
    async pass({ listen: { grace } }) {
      stopping = true
      const graceMs = grace === undefined ? (isProbed() ? defaultGraceMs : 0) : parseWait(grace)
      if (graceMs === 0) return
      log.info('stopping', { graceSeconds: graceMs / 1000 })
      await delay(graceMs)
    },
  }
}
