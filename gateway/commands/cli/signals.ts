const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 }
const echo = 1000

/**
 * Resolves with the first signal that stops a program. One that comes more than a second later ends the process at
 * once. One that comes sooner is taken for an echo and ignored, because Ctrl-C reaches whoever runs under npm twice:
 * from the terminal, and from npm. The echo may come while the process ends, which is why the listeners stay.
 *
 * @param reload what SIGHUP does; without it, SIGHUP stops the program too
 */
export function stopSignal(reload?: () => void): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  let first: number | undefined
  const stop = (signal: NodeJS.Signals): void => {
    const now = performance.now()
    first ??= now
    resolve()
    if (now - first > echo) process.exit(exitCodes[signal as keyof typeof exitCodes])
  }
  process.on('SIGINT', stop).on('SIGTERM', stop)
  process.on('SIGHUP', reload ?? stop)
  return promise
}
