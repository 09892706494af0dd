import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { Handover } from '../../config/handover.ts'
import type { Gauges, WorkerCore } from './worker-core.ts'
import { catchUp, createWorkerPool, prepareIn, revokeIn, type WorkersDependencies } from './worker-pool.ts'
import type { ServingWorker } from './worker.ts'

const gaugesTimeoutMs = 1000

/**
 * Serves with several workers that listen at one address. A revision is committed once all workers have prepared it. A
 * worker that dies takes its connections along, and is replaced.
 */
export function createWorkers(count: number, dependencies: WorkersDependencies): WorkerCore {
  const pool = createWorkerPool(count, dependencies)
  const { serving, running, prepared } = pool
  let preparing: Handover | undefined
  const inAll = <Value>(work: (worker: ServingWorker) => Promise<Value>) =>
    Promise.allSettled([...serving].map(work))
  /** A worker that fails must not go on: it would serve what is no longer in force. */
  const inAllOrEnd = (work: (worker: ServingWorker) => Promise<unknown>) =>
    inAll(worker => work(worker).catch(() => worker.native.terminate()))

  return {
    async prepare(handover) {
      preparing = handover
      const results = await inAll(worker => prepareIn(pool, worker, handover))
      const failure = results.find(result => result.status === 'rejected')
      if (failure === undefined && results.length > 0) return
      await this.abandon()
      throw failure?.reason ?? new Error('no worker is running')
    },
    async commit() {
      const next = preparing!
      pool.committed = next
      await inAllOrEnd(worker =>
        prepared.get(worker) === next ? worker.call('commit') : catchUp(pool, worker, next),
      )
    },
    async abandon() {
      await inAll(async worker => {
        await worker.call('abandon')
        if (pool.committed !== undefined) prepared.set(worker, pool.committed)
      })
    },
    async revoke(entries) {
      pool.revocations = entries
      await inAllOrEnd(worker => revokeIn(pool, worker))
    },
    async listen(where) {
      if (serving.size < count) throw new Error('a worker died while the gateway started')
      const listening = await inAll(worker => worker.call('listen', where))
      const failure = listening.find(result => result.status === 'rejected')
      if (failure !== undefined) throw failure.reason
      pool.address = where
      return (listening[0] as PromiseFulfilledResult<AddressInfo>).value
    },
    async gauges() {
      const all = await inAll(measure)
      return sum(all.flatMap(one => (one.status === 'fulfilled' && one.value ? [one.value] : [])))
    },
    async drain() {
      pool.closing = true
      const starting = [...running].filter(worker => !serving.has(worker))
      await Promise.all(starting.map(worker => worker.native.terminate()))
      await inAll(worker => worker.call('drain'))
      await Promise.all([...running].map(worker => worker.native.terminate()))
    },
  }
}

/** Asks a worker for its gauges; undefined if it is too busy to answer soon. */
function measure(worker: ServingWorker): Promise<Gauges | undefined> {
  return Promise.race([worker.call('gauges'), delay(gaugesTimeoutMs, undefined, { ref: false })])
}

function sum(gauges: readonly Gauges[]): Gauges {
  const ages = new Map<string, number>()
  for (const [{ method }, age] of gauges.flatMap(one => one.keyAges)) {
    ages.set(method, Math.max(age, ages.get(method) ?? 0))
  }
  return {
    openStreams: gauges.reduce((total, one) => total + one.openStreams, 0),
    connections: gauges.reduce((total, one) => total + one.connections, 0),
    requests: gauges.reduce((total, one) => total + one.requests, 0),
    workers: gauges.length,
    keyAges: [...ages].map(([method, age]) => [{ method }, age] as const),
  }
}
