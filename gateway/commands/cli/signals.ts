const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 }
const echoMs = 1000

/**
 * Resolves at the first signal that stops the program. A signal more than a second later ends the process at once. A
 * signal that comes sooner is an echo and is ignored: under npm, Ctrl-C arrives twice, from the terminal and from npm.
 * The listeners stay, because the echo may arrive while the process ends.
 *
 * @param reload called on SIGHUP; without it, SIGHUP stops the program too
 */
export function stopSignal(reload?: () => void): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  let first: number | undefined
  const stop = (signal: NodeJS.Signals): void => {
    const now = performance.now()
    first ??= now
    resolve()
    if (now - first > echoMs) process.exit(exitCodes[signal as keyof typeof exitCodes])
  }
  process.on('SIGINT', stop).on('SIGTERM', stop)
  process.on('SIGHUP', reload ?? stop)
  return promise
}
