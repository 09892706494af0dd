const signals = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 }
const echo = 1000

/**
 * Resolves with the first signal that stops a program. One that comes more than a second later ends the process at
 * once; one that comes sooner is taken for an echo, because Ctrl-C reaches whoever runs under npm twice: from the
 * terminal, and from npm. So does one that comes while the process ends, which is why the listeners stay.
 */
export function stopSignal(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  let first = 0
  const stop = (signal: NodeJS.Signals): void => {
    first ||= Date.now()
    resolve()
    if (Date.now() - first > echo) process.exit(signals[signal as keyof typeof signals])
  }
  for (const signal of Object.keys(signals)) process.on(signal, stop)
  return promise
}
