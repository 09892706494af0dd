import { setTimeout as delay } from 'node:timers/promises'
import type { Worker } from 'node:worker_threads'
import { settingsOf, type Handover } from '../../config/handover.ts'
import type { RevocationEntries } from '../../values/revocation-id.ts'
import { parseWait } from '../../values/units.ts'
import type { Log } from '../../observe/log.ts'
import type { Metrics } from '../../observe/metrics.ts'
import type { ListenAddress, WorkerCore } from './worker-core.ts'
import { startWorker, type ServingWorker, type WorkerRecords } from './worker.ts'

/** Dependencies of the workers. */
export interface WorkersDependencies {
  readonly sessionSecret: Buffer
  /** Takes whole lines of the log of a worker. */
  write(this: void, text: string): void
  readonly log: Log
  readonly metrics: Metrics
  /** Called with every worker that is started. */
  onWorker?: ((worker: Worker) => void) | undefined
  /** Milliseconds after which a worker that does not answer is ended. */
  readonly answerTimeoutMs?: number | undefined
}

/** The workers of a gateway, and what they are to have in force. */
export interface WorkerPool {
  readonly dependencies: WorkersDependencies
  readonly connectionCounts: Int32Array
  /** All workers, those that do not serve yet included. */
  readonly running: Set<ServingWorker>
  /** Workers that are sent every revision. */
  readonly serving: Set<ServingWorker>
  /** The configuration that each worker prepared last. */
  readonly prepared: WeakMap<ServingWorker, Handover>
  /** The revocations that each worker has in force. */
  readonly revoked: WeakMap<ServingWorker, RevocationEntries>
  committed: Handover | undefined
  revocations: RevocationEntries
  /** Address that all listen at; undefined until they do. */
  address: ListenAddress | undefined
  closing: boolean
}

const defaultAnswerTimeoutMs = 30_000
/** A worker that lived for less than this is replaced after a pause. */
const minUptimeMs = 10_000
const restartDelayMs = 1000

/** Makes a pool, and starts its workers. */
export function createWorkerPool(count: number, dependencies: WorkersDependencies): WorkerPool {
  const pool: WorkerPool = {
    dependencies,
    connectionCounts: new Int32Array(new SharedArrayBuffer(count * Int32Array.BYTES_PER_ELEMENT)),
    running: new Set(),
    serving: new Set(),
    prepared: new WeakMap(),
    revoked: new WeakMap(),
    committed: undefined,
    revocations: new Map(),
    address: undefined,
    closing: false,
  }
  for (let slot = 0; slot < count; slot++) pool.serving.add(start(pool, slot))
  return pool
}

/** Sends a worker the revocations in force. */
export async function revokeIn(pool: WorkerPool, worker: ServingWorker): Promise<void> {
  const { revocations } = pool
  await worker.call('revoke', revocations)
  pool.revoked.set(worker, revocations)
}

/** Has a worker prepare a configuration, which it then is to commit or abandon. */
export async function prepareIn(pool: WorkerPool, worker: ServingWorker, handover: Handover): Promise<void> {
  await worker.call('prepare', handover)
  pool.prepared.set(worker, handover)
}

/** Puts a configuration and the revocations into force in a worker. */
export async function catchUp(pool: WorkerPool, worker: ServingWorker, handover: Handover): Promise<void> {
  await revokeIn(pool, worker)
  await worker.call('prepare', handover)
  await worker.call('commit')
  pool.prepared.set(worker, handover)
}

function start(pool: WorkerPool, slot: number): ServingWorker {
  const { sessionSecret, write, metrics, onWorker } = pool.dependencies
  const onRecords = ({ text, counted }: WorkerRecords): void => {
    if (text !== '') write(text)
    metrics.add(counted)
  }
  const workerData = { sessionSecret, connectionCounts: pool.connectionCounts, slot }
  const worker = startWorker(workerData, {}, onRecords, method => timeoutFor(pool, method))
  pool.running.add(worker)
  onWorker?.(worker.native)
  const startedAt = performance.now()
  void worker.ended.then(cause => onEnd(pool, worker, slot, performance.now() - startedAt, cause))
  return worker
}

function timeoutFor({ committed, dependencies }: WorkerPool, method: keyof WorkerCore): number {
  const { answerTimeoutMs = defaultAnswerTimeoutMs } = dependencies
  if (method !== 'drain' || committed === undefined) return answerTimeoutMs
  return answerTimeoutMs + parseWait(settingsOf(committed).listen.drain)
}

async function onEnd(
  pool: WorkerPool,
  worker: ServingWorker,
  slot: number,
  uptimeMs: number,
  cause: unknown,
): Promise<void> {
  pool.running.delete(worker)
  pool.serving.delete(worker)
  pool.connectionCounts[slot] = 0
  if (pool.closing || pool.address === undefined) return
  const { log, metrics } = pool.dependencies
  metrics.count('gatehouse_workers_lost_total', {})
  log.error('worker_lost', {
    error: String((cause as Error | undefined)?.stack ?? cause ?? 'the worker was ended'),
  })
  await replace(pool, slot, uptimeMs < minUptimeMs ? restartDelayMs : 0)
}

async function replace(pool: WorkerPool, slot: number, delayMs: number): Promise<void> {
  const { log } = pool.dependencies
  if (delayMs > 0) await delay(delayMs, undefined, { ref: false })
  if (pool.closing) return
  let worker: ServingWorker | undefined
  try {
    worker = start(pool, slot)
    while (pool.prepared.get(worker) !== pool.committed || pool.revoked.get(worker) !== pool.revocations)
      await catchUp(pool, worker, pool.committed!)
    // From here on it is sent every revision, in order, before or after it listens.
    pool.serving.add(worker)
    await worker.call('listen', pool.address!)
    log.info('worker_replaced', {})
  } catch (error) {
    if (!pool.closing) log.error('worker_failed', { error: String((error as Error).stack) })
    // If the system had no room for a worker, there is no end of one that would start the next attempt.
    if (worker === undefined) return replace(pool, slot, restartDelayMs)
    await worker.native.terminate()
  }
  return undefined
}
