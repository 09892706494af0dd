import type { MessagePort, Worker } from 'node:worker_threads'
import { maxTimerMs } from '../../values/units.ts'

/** Methods that can be called from another thread: what they take and return can be cloned. */
// oxlint-disable-next-line typescript/no-explicit-any
type Callable = { [name: string]: (argument: any) => Promise<unknown> }

interface Call {
  readonly call: number
  readonly method: string
  readonly argument: unknown
}

interface Answer {
  readonly answer: number
  readonly result?: unknown
  readonly error?: unknown
  /** What a clone of an error lacks, and by which it is told apart. */
  readonly system?: { readonly code: string | undefined; readonly syscall: string | undefined }
}

/** Answers the calls that come in at a port. */
export function answerCalls(port: MessagePort, methods: object): void {
  port.on('message', ({ call, method, argument }: Call) => {
    const answer = (rest: Omit<Answer, 'answer'>): void => port.postMessage({ answer: call, ...rest })
    void (methods as Callable)[method]!(argument).then(
      result => answer({ result }),
      (error: unknown) => {
        const { code, syscall } = error as NodeJS.ErrnoException
        answer({ error, system: { code, syscall } })
      },
    )
  })
}

/**
 * The methods of what answers in a thread. A call rejects with what the method rejected with, and when the thread ends
 * before it has answered.
 *
 * @param onMessage takes the messages that are no answers
 * @param onSilence told when a thread that answered before does not answer, within the milliseconds that it may take
 *   for a method; they are not counted while a thread starts
 */
export function callsTo<Methods extends object>(
  thread: Worker,
  onMessage: (message: unknown) => void,
  onSilence: () => void,
  timeoutMs: (method: keyof Methods & string) => number,
): <Name extends keyof Methods & string>(
  method: Name,
  ...argument: Methods[Name] extends (...all: infer All) => unknown ? All : never
) => Methods[Name] extends (...all: never) => infer Result ? Result : never {
  const waiting = new Map<number, PromiseWithResolvers<unknown> & { timer: NodeJS.Timeout | undefined }>()
  let last = 0
  let started = false
  let ended = false
  thread.on('message', (message: Answer) => {
    const call = waiting.get(message.answer)
    if (call === undefined) return onMessage(message)
    started = true
    waiting.delete(message.answer)
    clearTimeout(call.timer)
    if ('error' in message) call.reject(Object.assign(message.error as Error, message.system))
    else call.resolve(message.result)
  })
  thread.once('exit', () => {
    ended = true
    for (const { reject, timer } of waiting.values()) {
      clearTimeout(timer)
      reject(new Error('the thread ended'))
    }
    waiting.clear()
  })
  return (method, ...[argument]) => {
    const result = Promise.withResolvers<unknown>()
    if (ended) result.reject(new Error('the thread has ended'))
    else {
      const timer = started ? setTimeout(onSilence, Math.min(timeoutMs(method), maxTimerMs)) : undefined
      waiting.set(++last, { ...result, timer })
      thread.postMessage({ call: last, method, argument } satisfies Call)
    }
    return result.promise as never
  }
}
