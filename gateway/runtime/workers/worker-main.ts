import { setImmediate as nextTurn } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { createLog } from '../../observe/log.ts'
import { createCounters } from '../../observe/metrics.ts'
import { shareGivenTasks } from './shared-tasks.ts'
import { createWorkerCore } from './worker-core.ts'
import type { ThreadRecords, WorkerData } from './worker.ts'
import { answerCalls } from './thread-calls.ts'

const port = parentPort!
const { sessionSecret, connectionCounts, slot } = workerData as WorkerData

/** Milliseconds that lines and counts are gathered for: a message costs both threads more than a call does. */
const flushDelayMs = 10
let text = ''
let due: NodeJS.Timeout | undefined
const counters = createCounters()

const later = (): void => {
  due ??= setTimeout(send, flushDelayMs)
}
const send = (): void => {
  clearTimeout(due)
  due = undefined
  const records: ThreadRecords = { text, counted: counters.take() }
  text = ''
  port.postMessage({ records })
}

const log = createLog(lines => {
  text += lines
  later()
})
const core = createWorkerCore({
  log,
  metrics: {
    count(name, labels) {
      counters.count(name, labels)
      later()
    },
  },
  sessionSecret: Buffer.from(sessionSecret),
  connectionCounts,
  slot,
  givenTasks: shareGivenTasks(Buffer.from(sessionSecret)),
})

answerCalls(port, {
  ...core,
  async drain() {
    await core.drain()
    await nextTurn()
    send()
  },
})
