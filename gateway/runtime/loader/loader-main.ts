import { parentPort, workerData } from 'node:worker_threads'
import { loadHandover } from '../../config/load-handover.ts'
import type { LoadCause, LoaderData } from './loader.ts'

const { path, env } = workerData as LoaderData

parentPort!.on('message', (cause: LoadCause) =>
  parentPort!.postMessage(loadHandover(path, { env, now: new Date(), isReload: cause === 'reload' })),
)
