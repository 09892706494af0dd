import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { Worker } from 'node:worker_threads'
import { settingsOf, type Handover } from '../../config/handover.ts'
import type { RevocationEntries } from '../../values/revocation-id.ts'
import { parseWait } from '../../values/units.ts'
import type { Log } from '../../observe/log.ts'
import type { Metrics } from '../../observe/metrics.ts'
import type { Gauges, ListenAddress, WorkerCore } from './worker-core.ts'
import { startWorker, type ThreadRecords, type WorkerThread } from './worker.ts'

/** What the threads are started with, and who hears of them. */
export interface WorkersDependencies {
  readonly sessionSecret: Buffer
  /** Takes whole lines of the log of a thread. */
  write(this: void, text: string): void
  readonly log: Log
  readonly metrics: Metrics
  /** Told of every thread that is started. */
  onWorker?: ((thread: Worker) => void) | undefined
  /** Milliseconds after which a thread that does not answer is taken for hung, and ended. */
  readonly answerTimeoutMs?: number | undefined
}

const restPause = 1000
const soon = 10_000
const gaugesTimeoutMs = 1000
const defaultAnswerTimeoutMs = 30_000

/**
 * Serves in several threads that listen at one address. A revision comes into force once all have prepared it; a thread
 * that dies takes its connections along, and another takes its place.
 */
export function createWorkers(count: number, dependencies: WorkersDependencies): WorkerCore {
  const {
    sessionSecret,
    write,
    log,
    metrics,
    onWorker,
    answerTimeoutMs = defaultAnswerTimeoutMs,
  } = dependencies
  const core = new Set<WorkerThread>()
  /** Also those that do not serve yet. */
  const running = new Set<WorkerThread>()
  const readied = new WeakMap<WorkerThread, Handover>()
  let preparing: Handover | undefined
  let committed: Handover | undefined
  let revoked: RevocationEntries = new Map()
  const told = new WeakMap<WorkerThread, RevocationEntries>()
  let address: ListenAddress | undefined
  let closing = false
  const connectionCounts = new Int32Array(new SharedArrayBuffer(count * Int32Array.BYTES_PER_ELEMENT))

  const onRecords = ({ text, counted }: ThreadRecords): void => {
    if (text !== '') write(text)
    metrics.add(counted)
  }

  function timeoutFor(method: keyof WorkerCore): number {
    if (method !== 'drain' || committed === undefined) return answerTimeoutMs
    return answerTimeoutMs + parseWait(settingsOf(committed).listen.drain)
  }

  function start(slot: number): WorkerThread {
    const worker = startWorker({ sessionSecret, connectionCounts, slot }, onRecords, timeoutFor)
    running.add(worker)
    onWorker?.(worker.thread)
    const startedAt = performance.now()
    void worker.ended.then(cause => {
      running.delete(worker)
      core.delete(worker)
      connectionCounts[slot] = 0
      if (closing || address === undefined) return
      metrics.count('gatehouse_workers_lost_total', {})
      log.error('worker_lost', {
        error: String((cause as Error | undefined)?.stack ?? cause ?? 'it was ended'),
      })
      return replace(slot, performance.now() - startedAt < soon ? restPause : 0)
    })
    return worker
  }

  async function replace(slot: number, pause: number): Promise<void> {
    if (pause > 0) await delay(pause, undefined, { ref: false })
    if (closing) return
    let worker: WorkerThread | undefined
    try {
      worker = start(slot)
      while (readied.get(worker) !== committed || told.get(worker) !== revoked)
        await bring(worker, committed!)
      // From here on it hears of every revision, in order, before or after it listens.
      core.add(worker)
      await worker.call('listen', address!)
      log.info('worker_replaced', {})
    } catch (error) {
      if (!closing) log.error('worker_failed', { error: String((error as Error).stack) })
      // Its end brings the next attempt. The system may have had no room for a thread, and then there is no end.
      if (worker === undefined) return replace(slot, restPause)
      await worker.thread.terminate()
    }
    return undefined
  }

  async function bring(worker: WorkerThread, checked: Handover): Promise<void> {
    await revokeIn(worker)
    await worker.call('prepare', checked)
    await worker.call('commit')
    readied.set(worker, checked)
  }
  async function revokeIn(worker: WorkerThread): Promise<void> {
    const entries = revoked
    await worker.call('revoke', entries)
    told.set(worker, entries)
  }
  const all = <Value>(
    ask: (worker: WorkerThread) => Promise<Value>,
  ): Promise<PromiseSettledResult<Value>[]> => Promise.allSettled([...core].map(ask))

  for (let index = 0; index < count; index++) core.add(start(index))

  return {
    async prepare(checked) {
      preparing = checked
      const results = await all(async worker => {
        await worker.call('prepare', checked)
        readied.set(worker, checked)
      })
      const failure = results.find(result => result.status === 'rejected')
      if (failure === undefined && results.length > 0) return
      await this.abandon()
      throw failure?.reason ?? new Error('no thread serves')
    },
    async commit() {
      const next = preparing!
      committed = next
      await all(async worker => {
        try {
          if (readied.get(worker) === next) await worker.call('commit')
          else await bring(worker, next)
        } catch {
          // One that cannot follow must not go on with what is no longer in force.
          await worker.thread.terminate()
        }
      })
    },
    async abandon() {
      await all(async worker => {
        await worker.call('abandon')
        if (committed !== undefined) readied.set(worker, committed)
      })
    },
    async revoke(entries) {
      revoked = entries
      await all(async worker => {
        try {
          await revokeIn(worker)
        } catch {
          // One that cannot be told must not go on letting in what is revoked.
          await worker.thread.terminate()
        }
      })
    },
    async listen(where) {
      if (core.size < count) throw new Error('a thread died while the gateway started')
      const listening = await all(worker => worker.call('listen', where))
      const failure = listening.find(result => result.status === 'rejected')
      if (failure !== undefined) throw failure.reason
      address = where
      return (listening[0] as PromiseFulfilledResult<AddressInfo>).value
    },
    async gauges() {
      const results = await all(worker =>
        Promise.race([worker.call('gauges'), delay(gaugesTimeoutMs, undefined, { ref: false })]),
      )
      return sum(
        results.flatMap(result => (result.status === 'fulfilled' && result.value ? [result.value] : [])),
      )
    },
    async drain() {
      closing = true
      const waiting = [...running].filter(worker => !core.has(worker))
      await Promise.all(waiting.map(worker => worker.thread.terminate()))
      await all(worker => worker.call('drain'))
      await Promise.all([...running].map(worker => worker.thread.terminate()))
    },
  }
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
