import { fstatSync, write } from 'node:fs'
import type { WriteStream } from 'node:tty'
import type { LogSink } from './log-output.ts'

/** Milliseconds after which a descriptor that is not ready is tried again. */
const retryDelayMs = 50
/** Milliseconds between two writes to a file: each occupies a thread of the pool, and there are thousands of lines. */
const writeDelayMs = 20

type StandardStream = Pick<WriteStream, 'isTTY' | 'write' | 'on'> & { readonly fd: number }

/**
 * Makes a sink of a standard stream of this process. Files are written in the background, because a slow disk would block
 * the event loop. For all others the stream does not block, once a terminal is set not to.
 */
export function createLogSink(stream: StandardStream): LogSink {
  if (!isStream(stream)) return createFileSink(stream.fd)
  const { _handle: handle } = stream as unknown as { _handle?: { setBlocking?(blocking: boolean): void } }
  if (stream.isTTY) handle?.setBlocking?.(false)
  // Each write reports its own failure.
  stream.on('error', () => {})
  return (bytes, done) => void stream.write(bytes, done)
}

/** Returns whether this is a pipe, a socket or a terminal, rather than a file or a device. */
function isStream({ fd, isTTY }: StandardStream): boolean {
  try {
    const status = fstatSync(fd)
    return isTTY || !(status.isFile() || status.isCharacterDevice())
  } catch {
    return true
  }
}

/** @param file a descriptor; bytes are appended */
function createFileSink(file: number): LogSink {
  /** The last bytes were written only in part. */
  let isTorn = false
  return (whole, done) => {
    const bytes = isTorn ? Buffer.concat([Buffer.from('\n'), whole]) : whole
    const writeFrom = (at: number): void => {
      write(file, bytes, at, bytes.length - at, null, (error, written) => {
        if (error?.code === 'EAGAIN') {
          setTimeout(writeFrom, retryDelayMs, at)
          return
        }
        const reached = error === null ? at + written : at
        if (error === null && reached < bytes.length) writeFrom(reached)
        else {
          isTorn = error === null ? false : isTorn || reached > 0
          setTimeout(done, writeDelayMs, error)
        }
      })
    }
    writeFrom(0)
  }
}
