import { parentPort, workerData } from 'node:worker_threads'

/**
 * Posts a message to its parent thread whenever a call is due. Timers of Node have a resolution of milliseconds and wait
 * for the event loop; this worker sleeps until the exact instant.
 */
const { first, interval, count } = workerData as { first: number; interval: number; count: number }
const post = parentPort!.postMessage.bind(parentPort)
const never = new Int32Array(new SharedArrayBuffer(4))

for (let index = 0; index < count; index++) {
  const due = first + index * interval
  for (let left = due - now(); left > 0; left = due - now()) Atomics.wait(never, 0, 0, left / 1e6)
  post(due)
}

/** Returns nanoseconds of the clock that all threads share. */
function now(): number {
  return Number(process.hrtime.bigint())
}
