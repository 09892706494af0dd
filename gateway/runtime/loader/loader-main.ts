import { parentPort, workerData } from 'node:worker_threads'
import { readChecked } from '../../config/read-checked.ts'
import type { LoaderData } from './loader.ts'

const { path, env } = workerData as LoaderData

parentPort!.on('message', () => parentPort!.postMessage(readChecked(path, { env, now: new Date() })))
