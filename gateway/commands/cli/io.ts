import type { LogSink } from '../../observe/log-output.ts'

/** Everything outside the process that a command may use, except files. */
export interface Io {
  stdin: NodeJS.ReadableStream
  /** Results. */
  stdout: (text: string) => void
  /** Diagnostics. */
  stderr: (text: string) => void
  /** Sink of a gateway's log, which never blocks the gateway (default: stderr). */
  logSink?: LogSink
  env: Record<string, string | undefined>
  cwd: string
  /** Whether stderr shows color; false with NO_COLOR. */
  color: boolean
}

/** Reads standard input to its end, or to the first chunk beyond `limit` bytes. */
export async function readStdin({ stdin }: Pick<Io, 'stdin'>, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of stdin) {
    chunks.push(Buffer.from(chunk))
    length += chunks.at(-1)!.length
    if (length > limit) break
  }
  return Buffer.concat(chunks)
}
