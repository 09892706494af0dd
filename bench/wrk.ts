import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { requestBytes, type Call } from './calls.ts'
import { runToEnd } from './processes.ts'

/** Result of wrk. */
export interface LoadResult {
  readonly calls: number
  /** Milliseconds. Every connection is always busy, so latency mostly shows the depth of the queue. */
  readonly p50: number
  readonly p99: number
}

interface Summary {
  requests: number
  bytes: number
  refused: number
  broken: number
  p50: number
  p99: number
}

/** Parameters of wrk. */
export interface Load {
  readonly connections: number
  /** Smallest size of a response with its headers, in bytes. */
  readonly answerBytes: number
  readonly seconds: number
  readonly cores: string
  /** Folder for the script and the request. */
  readonly folder: string
}

/**
 * Calls as fast as responses come.
 *
 * @throws Error when a response has the wrong status, or a connection breaks
 */
export async function saturate(
  url: string,
  call: Call,
  { connections, answerBytes, seconds, cores, folder }: Load,
): Promise<LoadResult> {
  const script = writeScript(folder, call, new URL(url))
  const output = await runToEnd(
    ['wrk', '-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', '--latency', '-s', script, url],
    cores,
  )
  const found = JSON.parse(/^BENCH (.*)$/m.exec(output)?.[1] ?? 'null') as Summary | null
  if (found === null) throw new Error(`wrk ended without a summary:\n${output}`)
  const { requests, refused, broken, bytes } = found
  const expected = call.status < 400 ? 0 : requests
  if (refused !== expected || broken > 0 || Math.round(bytes / requests) < answerBytes) {
    throw new Error(
      `${requests} calls to ${url}: ${refused} had a status over 399 (expected ${expected}), ${broken} broke, ` +
        `and a response had ${(bytes / requests).toFixed()} bytes (expected ${answerBytes})`,
    )
  }
  return {
    calls: requests,
    p50: found.p50 / 1000,
    p99: found.p99 / 1000,
  }
}

/**
 * Gives wrk the request as bytes. From a table of headers, wrk would build a request with another order of headers in each
 * run, and V8 recompiles code that reads headers in a new order.
 */
function writeScript(folder: string, call: Call, { port, pathname }: URL): string {
  const request = join(folder, 'wrk-request')
  writeFileSync(request, requestBytes(call, Number(port), pathname))
  const script = join(folder, 'wrk-call.lua')
  writeFileSync(
    script,
    `local file = io.open(${JSON.stringify(request)}, "rb")
local request = file:read("*a")
file:close()
function wrk.format() return request end
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'BENCH {"requests":%d,"bytes":%d,"refused":%d,"broken":%d,"p50":%d,"p99":%d}\\n',
    summary.requests, summary.bytes, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
`,
  )
  return script
}
