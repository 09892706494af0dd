import { parentPort, workerData } from 'node:worker_threads'

/**
 * Tells the thread that made it when the next call is due. Timers of Node count in milliseconds and wait for their
 * turn of the event loop; this thread sleeps to the point.
 */
const { first, interval, count } = workerData as { first: number; interval: number; count: number }
const tell = parentPort!.postMessage.bind(parentPort)
const never = new Int32Array(new SharedArrayBuffer(4))

for (let index = 0; index < count; index++) {
  const due = first + index * interval
  for (let left = due - now(); left > 0; left = due - now()) Atomics.wait(never, 0, 0, left / 1e6)
  tell(due)
}

/** Nanoseconds of the clock that all threads share. */
function now(): number {
  return Number(process.hrtime.bigint())
}
