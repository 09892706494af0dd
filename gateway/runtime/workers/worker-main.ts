import { setImmediate as nextTurn } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { createLog } from '../../observe/log.ts'
import { createCounters } from '../../observe/metrics.ts'
import { shareGivenTasks } from './shared-tasks.ts'
import { createWorkerCore } from './worker-core.ts'
import type { MainMethods, WorkerData, WorkerRecords } from './worker.ts'
import { openCalls } from './worker-calls.ts'

const port = parentPort!
const { sessionSecret, connectionCounts, slot } = workerData as WorkerData

/** Milliseconds for which lines and counts are collected: a message costs both threads more than a request does. */
const flushDelayMs = 10
/** Milliseconds that the main thread may take to answer a call. */
const callTimeoutMs = 5000
let text = ''
let timer: NodeJS.Timeout | undefined
const counters = createCounters()

const scheduleFlush = (): void => {
  timer ??= setTimeout(flush, flushDelayMs)
}
const flush = (): void => {
  clearTimeout(timer)
  timer = undefined
  const records: WorkerRecords = { text, counted: counters.take() }
  text = ''
  port.postMessage({ records })
}

const log = createLog(lines => {
  text += lines
  scheduleFlush()
})
const core = createWorkerCore({
  log,
  metrics: {
    count(name, labels) {
      counters.count(name, labels)
      scheduleFlush()
    },
  },
  sessionSecret: Buffer.from(sessionSecret),
  connectionCounts,
  slot,
  givenTasks: shareGivenTasks(Buffer.from(sessionSecret)),
})

const own = {
  ...core,
  async drain(): Promise<void> {
    await core.drain()
    await nextTurn()
    flush()
  },
}
openCalls<MainMethods>(port, own, { timeoutMs: () => callTimeoutMs })
