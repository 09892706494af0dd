import { setImmediate as nextTurn } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { createLog } from '../observe/log.ts'
import { createCounters } from '../observe/metrics.ts'
import { createServing } from './serving.ts'
import type { Records, WorkerData } from './worker.ts'
import { answerCalls } from './thread-calls.ts'

const port = parentPort!
const { sessionSecret } = workerData as WorkerData

let text = ''
let due = false
const counters = createCounters()

// The lines and counts of one turn of the event loop are one message.
const later = (): void => {
  if (due) return
  due = true
  setImmediate(send)
}
const send = (): void => {
  due = false
  const records: Records = { text, counted: counters.take() }
  text = ''
  port.postMessage({ records })
}

const log = createLog(lines => {
  text += lines
  later()
})
const serving = createServing({
  log,
  metrics: {
    count(name, labels) {
      counters.count(name, labels)
      later()
    },
  },
  sessionSecret: Buffer.from(sessionSecret),
})

answerCalls(port, {
  ...serving,
  async drain() {
    await serving.drain()
    await nextTurn()
    send()
  },
})
