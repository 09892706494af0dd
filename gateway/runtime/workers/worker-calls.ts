import { maxTimerMs } from '../../values/units.ts'

/** One end of the channel between the main thread and a worker: a Worker, or a MessagePort. */
interface Port {
  on(event: 'message', listener: (message: unknown) => void): unknown
  postMessage(message: unknown): void
}

/** Methods that can be called from the other end: what they take and return can be cloned. */
// oxlint-disable-next-line typescript/no-explicit-any
type Callable = { [name: string]: (argument: any) => unknown }

interface Call {
  readonly call: number
  readonly method: string
  readonly argument: unknown
}

interface Answer {
  readonly answer: number
  readonly result?: unknown
  readonly error?: unknown
  /** Properties that a clone of an error lacks. */
  readonly system?: { readonly code: unknown; readonly syscall: unknown }
}

/** Calls a method of the other end. Rejects as the method does, with a CallTimeout, or when the channel is closed. */
export type CallRemote<Methods extends object> = <Name extends keyof Methods & string>(
  method: Name,
  ...argument: Methods[Name] extends (...all: infer All) => unknown ? All : never
) => Methods[Name] extends (...all: never) => infer Result ? Promise<Awaited<Result>> : never

export interface CallChannel<Methods extends object> {
  readonly call: CallRemote<Methods>
  /** Rejects the calls that wait for an answer, and later ones at once. */
  close(reason: string): void
}

export interface CallOptions<Methods extends object> {
  /** Returns the milliseconds that a method may take. */
  timeoutMs(this: void, method: keyof Methods & string): number
  /** The other end is still starting: calls are timed once it has answered one. */
  readonly isStarting?: boolean
  /** Takes messages that are neither calls nor answers. */
  onMessage?(this: void, message: unknown): void
  /** Runs after a call has timed out. */
  onTimeout?(this: void, timeout: CallTimeout): void
}

/** The other end did not answer a call in time. Its answer is ignored. */
export class CallTimeout extends Error {
  override readonly name = 'CallTimeout'

  constructor(method: string, timeoutMs: number) {
    super(`${method} was not answered within ${timeoutMs} ms`)
  }
}

/**
 * Opens a channel on which both ends call each other's methods.
 *
 * @param own methods that the other end may call
 */
export function openCalls<Methods extends object>(
  port: Port,
  own: object,
  { timeoutMs, isStarting = false, onMessage = () => {}, onTimeout = () => {} }: CallOptions<Methods>,
): CallChannel<Methods> {
  const waiting = new Map<number, PromiseWithResolvers<unknown> & { timer: NodeJS.Timeout | undefined }>()
  let lastId = 0
  let isTimed = !isStarting
  let closed: string | undefined

  function settle({ answer, result, error, system }: Answer): void {
    const call = waiting.get(answer)
    if (call === undefined) return
    isTimed = true
    waiting.delete(answer)
    clearTimeout(call.timer)
    if (error === undefined) call.resolve(result)
    else call.reject(Object.assign(error as Error, system))
  }
  function expire(id: number, method: string, limitMs: number): void {
    const timeout = new CallTimeout(method, limitMs)
    waiting.get(id)!.reject(timeout)
    waiting.delete(id)
    onTimeout(timeout)
  }

  port.on('message', message => {
    if ('call' in (message as object)) void answerCall(port, own as Callable, message as Call)
    else if ('answer' in (message as object)) settle(message as Answer)
    else onMessage(message)
  })
  return {
    call(method, ...[argument]) {
      if (closed !== undefined) return Promise.reject(new Error(closed)) as never
      const id = ++lastId
      const result = Promise.withResolvers<unknown>()
      const limitMs = Math.min(timeoutMs(method), maxTimerMs)
      const timer = isTimed ? setTimeout(expire, limitMs, id, method, limitMs) : undefined
      waiting.set(id, { ...result, timer })
      port.postMessage({ call: id, method, argument } satisfies Call)
      return result.promise as never
    },
    close(reason) {
      closed = reason
      for (const { reject, timer } of waiting.values()) {
        clearTimeout(timer)
        reject(new Error(reason))
      }
      waiting.clear()
    },
  }
}

async function answerCall(port: Port, methods: Callable, { call, method, argument }: Call): Promise<void> {
  const answer = (rest: Omit<Answer, 'answer'>): void => port.postMessage({ answer: call, ...rest })
  try {
    answer({ result: await methods[method]!(argument) })
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException
    answer({ error, system: { code, syscall } })
  }
}
