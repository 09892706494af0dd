import { parentPort } from 'node:worker_threads'
import { readRevocations } from '../../config/revocations.ts'
import type { RevocationsRequest } from './loader.ts'

parentPort!.on('message', ({ file, names }: RevocationsRequest) =>
  parentPort!.postMessage(readRevocations(file, names, { now: new Date() })),
)
