import { parentPort, workerData } from 'node:worker_threads'
import { loadHandover } from '../../config/load-handover.ts'
import type { LoaderData } from './loader.ts'

const { path, env } = workerData as LoaderData

parentPort!.on('message', () => parentPort!.postMessage(loadHandover(path, { env, now: new Date() })))
