import type { MessagePort, Worker } from 'node:worker_threads'

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
}

/** Answers the calls that come in at a port. */
export function answerCalls(port: MessagePort, methods: object): void {
  port.on('message', ({ call, method, argument }: Call) => {
    const answer = (rest: Omit<Answer, 'answer'>): void => port.postMessage({ answer: call, ...rest })
    void (methods as Callable)[method]!(argument).then(
      result => answer({ result }),
      (error: unknown) => answer({ error }),
    )
  })
}

/**
 * The methods of what answers in a thread. A call rejects with what the method rejected with, and when the thread ends
 * before it has answered.
 *
 * @param onMessage takes the messages that are no answers
 */
export function callsTo<Methods extends object>(
  thread: Worker,
  onMessage: (message: unknown) => void,
): <Name extends keyof Methods & string>(
  method: Name,
  ...argument: Methods[Name] extends (...all: infer All) => unknown ? All : never
) => Methods[Name] extends (...all: never) => infer Result ? Result : never {
  const waiting = new Map<number, PromiseWithResolvers<unknown>>()
  let last = 0
  let ended = false
  thread.on('message', (message: Answer) => {
    const call = waiting.get(message.answer)
    if (call === undefined) return onMessage(message)
    waiting.delete(message.answer)
    if ('error' in message) call.reject(message.error)
    else call.resolve(message.result)
  })
  thread.once('exit', () => {
    ended = true
    for (const { reject } of waiting.values()) reject(new Error('the thread ended'))
    waiting.clear()
  })
  return (method, ...[argument]) => {
    const result = Promise.withResolvers<unknown>()
    if (ended) result.reject(new Error('the thread has ended'))
    else {
      waiting.set(++last, result)
      thread.postMessage({ call: last, method, argument } satisfies Call)
    }
    return result.promise as never
  }
}
