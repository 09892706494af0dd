import { createHash } from 'node:crypto'
import { BroadcastChannel } from 'node:worker_threads'
import { createGivenTasks, type GivenTask, type GivenTasks } from '../../mcp/handles/given-tasks.ts'

/**
 * Makes a record of given tasks that the workers of one gateway share: each broadcasts the tasks that it adds.
 *
 * @param sessionSecret distinguishes the gateway from others in the same process
 */
export function shareGivenTasks(sessionSecret: Buffer): GivenTasks {
  const name = createHash('sha256').update('given tasks').update(sessionSecret).digest('hex')
  const channel = new BroadcastChannel(name)
  channel.unref()
  let received: GivenTask | undefined
  const tasks = createGivenTasks(task => {
    if (task !== received) channel.postMessage(task)
  })
  channel.addEventListener('message', event => {
    const task = (event as MessageEvent).data as GivenTask
    received = task
    tasks.give(task)
  })
  return tasks
}
