import { createHash } from 'node:crypto'
import { BroadcastChannel } from 'node:worker_threads'
import { createGivenTasks, type GivenTask, type GivenTasks } from '../../mcp/handles/given-tasks.ts'

/**
 * Creates a memory of given tasks that the threads of one gateway share: what one learns it tells the others.
 *
 * @param sessionSecret tells the threads of one gateway from those of another in the same process
 */
export function shareGivenTasks(sessionSecret: Buffer): GivenTasks {
  const name = createHash('sha256').update('given tasks').update(sessionSecret).digest('hex')
  const channel = new BroadcastChannel(name)
  channel.unref()
  let told: GivenTask | undefined
  const tasks = createGivenTasks(task => {
    if (task !== told) channel.postMessage(task)
  })
  channel.addEventListener('message', event => {
    const task = (event as MessageEvent).data as GivenTask
    told = task
    tasks.give(task)
  })
  return tasks
}
