import { performance } from 'node:perf_hooks'
import type { Principal } from '../../auth/principal.ts'
import type { Refusal } from '../../mcp/errors.ts'
import type { Operation } from '../../mcp/operation.ts'
import type { Log } from '../../observe/log.ts'
import type { Counters } from '../../observe/metrics.ts'
import type { Exchange } from '../exchange/exchange.ts'

/** Where exchanges are logged and counted. */
export interface AccessLog {
  readonly log: Log
  readonly metrics: Counters
}

const maxNameLength = 256
const clientGone = 499

const noPrincipal: Partial<Principal> = {}
const noOperation: Partial<Operation> = {}
const noRefusal: Partial<Refusal> = {}

/** Writes the one log line of an exchange, with the revision that decided it, and counts it once. */
export function logExchange(exchange: Exchange, { log, metrics }: AccessLog): void {
  const { request, response, proxy, refusal, operations } = exchange
  const status = response.headersSent ? response.statusCode : clientGone
  const { outgoing = false } = exchange.principal ?? noPrincipal
  const principal = principalOf(exchange)
  const { host, path } = misaddressed(exchange)
  const { method, kind, name: called } = exchange.operation ?? noOperation
  const { reason, detail, message } = refusal ?? noRefusal
  countRequest(metrics, proxy?.name ?? '', status, refusal)
  if (outgoing) metrics.count('gatehouse_outgoing_secret_uses_total', { key: principal! })
  log.info('request', {
    requestId: exchange.id,
    revision: exchange.snapshot.revision,
    proxy: proxy?.name,
    principal,
    auth: exchange.method,
    secret: outgoing ? 'outgoing' : undefined,
    client: request.socket.remoteAddress,
    httpMethod: request.method,
    era: exchange.era,
    method: shortened(method),
    kind,
    name: shortened(called),
    operations: operations > 1 ? operations : undefined,
    batch: exchange.batched?.map(each => [each.method, each.name].map(shortened)),
    decision: decisionOf(exchange),
    rule: exchange.rule,
    reason,
    detail,
    host,
    path,
    message: exchange.forwarded ? message : undefined,
    cause: causeCode(refusal),
    status,
    milliseconds: Math.round((performance.now() - exchange.startedAt) * 10) / 10,
  })
}

/** Returns the name of the principal, if it is known, though it may be refused. */
function principalOf({ principal, refusal }: Exchange): string | undefined {
  return principal === undefined ? refusal?.principal : principal.name
}

interface Address {
  readonly host?: string | undefined
  readonly path?: string | undefined
}
const noAddress: Address = {}

/** Returns where a request went that found no proxy. The query is left out, because it may hold a secret. */
function misaddressed({ request: { headers, url = '' }, refusal }: Exchange): Address {
  if (refusal?.reason !== 'host_refused' && refusal?.reason !== 'path_unknown') return noAddress
  return { host: shortened(headers.host), path: shortened(url.split('?', 1)[0]) }
}

function decisionOf({ forwarded, refusal }: Exchange): 'allow' | 'deny' | undefined {
  return forwarded ? 'allow' : refusal && 'deny'
}

function shortened(name: string | undefined): string | undefined {
  return name?.slice(0, maxNameLength)
}

/** Writes the log line of bytes that are not a request, and counts it. */
export function logUnparsed(
  refusal: Refusal,
  { requestId, revision, client }: { requestId: string; revision: string; client: string | undefined },
  { log, metrics }: AccessLog,
): void {
  countRequest(metrics, '', refusal.status, refusal)
  const { reason, detail, status } = refusal
  log.info('request', {
    requestId,
    revision,
    client,
    decision: 'deny',
    reason,
    detail,
    cause: causeCode(refusal),
    status,
  })
}

function countRequest(metrics: Counters, proxy: string, status: number, refusal: Refusal | undefined): void {
  metrics.count('gatehouse_requests_total', { proxy, status: String(status), reason: refusal?.reason ?? '' })
}

function causeCode(refusal: Refusal | undefined): string | undefined {
  const cause = refusal?.cause
  return cause instanceof Error ? ((cause as NodeJS.ErrnoException).code ?? cause.name) : undefined
}
