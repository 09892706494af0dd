import { createHash } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'

import type { McpServer, ServerContext } from '@modelcontextprotocol/server'
import * as z from 'zod'

import { answer } from './answers.ts'

/** Outcomes of the calls of `slow_response` since the server started. */
export interface SlowCalls {
  /** Running calls. */
  active: number
  /** Calls that returned a result. */
  completed: number
  /** Calls that stopped because the caller cancelled, left (modern) or ended its session (legacy). */
  aborted: number
  /** Calls whose HTTP connection ended before the response, whether they then stopped or continued. */
  disconnected: number
}

const slowInput = z.object({
  seconds: z.number().min(0).max(60).default(2).describe('How long the whole call takes'),
  steps: z.int().min(1).max(100).default(5).describe('How often progress is reported'),
})
const anythingOutput = z.object({
  arguments: z.record(z.string(), z.unknown()),
  headers: z.record(z.string(), z.string()),
  sessionId: z.string().optional(),
})

/** Adds the tools that show what arrives in a request, and what happens while it runs. */
export function registerRequestTools(server: McpServer, slowCalls: SlowCalls): void {
  server.registerTool(
    'get_anything',
    {
      title: 'Echo the request',
      description:
        'Returns its arguments and the HTTP headers it came with. Of Authorization and cookies it returns a ' +
        'digest only.',
      inputSchema: z.looseObject({}),
      outputSchema: anythingOutput,
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    (args, ctx) => {
      const { sessionId } = ctx
      return answer({
        arguments: args,
        headers: headersOf(ctx),
        ...(sessionId === undefined ? {} : { sessionId }),
      })
    },
  )

  server.registerTool(
    'slow_response',
    {
      title: 'Answer slowly',
      description: 'Takes its time and reports progress to callers that ask for it.',
      inputSchema: slowInput,
      outputSchema: z.object({ steps: z.int(), elapsedMs: z.int() }),
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    async ({ seconds, steps }, ctx) => {
      const { signal } = ctx.mcpReq
      const disconnected = (): void => void slowCalls.disconnected++
      ctx.http?.req?.signal.addEventListener('abort', disconnected, { once: true })
      const start = performance.now()
      slowCalls.active++
      try {
        for (let step = 1; step <= steps; step++) {
          await wait((seconds * 1000) / steps, undefined, { signal })
          await reportProgress(ctx, step, steps)
        }
        slowCalls.completed++
        return answer({ steps, elapsedMs: Math.round(performance.now() - start) })
      } finally {
        slowCalls.active--
        if (signal.aborted) slowCalls.aborted++
        ctx.http?.req?.signal.removeEventListener('abort', disconnected)
      }
    },
  )
}

async function reportProgress(ctx: ServerContext, progress: number, total: number): Promise<void> {
  const { _meta: meta } = ctx.mcpReq
  const progressToken = meta?.progressToken
  if (progressToken === undefined) return
  const message = `step ${progress} of ${total}`
  await ctx.mcpReq.notify({
    method: 'notifications/progress',
    params: { progressToken, progress, total, message },
  })
}

const credentialHeaders = new Set(['authorization', 'proxy-authorization', 'cookie'])

function headersOf(ctx: ServerContext): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const [name, value] of ctx.http?.req?.headers ?? [])
    headers[name] = credentialHeaders.has(name) ? digestOf(value) : value
  return headers
}

/** A digest shows whether two credentials are equal, which is enough for a test of a gateway. */
function digestOf(value: string): string {
  return `sha256:${createHash('sha256').update(value).digest('hex').slice(0, 16)}`
}
