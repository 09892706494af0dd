import { printableJson } from '../lib/printable.ts'

/** One row of the table of errors on the wire: what a client can rely on. */
interface Row {
  readonly status: number
  readonly code: number
  /** The status in a legacy session, where clients take another one for the end of the session. */
  readonly legacyStatus?: number
}

/**
 * Every error that the gateway itself answers with, by reason. The JSON-RPC codes are the protocol's own
 * where it has one, and positive numbers elsewhere: MCP 2026-07-28 (basic, Error Codes) asks applications to
 * stay outside -32768…-32000.
 */
const table = {
  credential_missing: { status: 401, code: 40101 },
  credential_invalid: { status: 401, code: 40102 },
  credential_expired: { status: 401, code: 40103 },
  forbidden: { status: 403, code: 40301 },
  insufficient_scope: { status: 403, code: 40302 },
  origin_refused: { status: 403, code: 40303 },
  host_refused: { status: 403, code: 40304 },
  path_unknown: { status: 404, code: 40402 },
  method_not_allowed: { status: 405, code: 40501 },
  not_acceptable: { status: 406, code: 40601 },
  request_timeout: { status: 408, code: 40801 },
  body_too_large: { status: 413, code: 41301 },
  unsupported_media_type: { status: 415, code: 41501 },
  headers_too_large: { status: 431, code: 43101 },
  request_malformed: { status: 400, code: 40001 },
  json_malformed: { status: 400, code: -32700 },
  message_invalid: { status: 400, code: -32600 },
  params_invalid: { status: 400, code: -32602 },
  header_mismatch: { status: 400, code: -32020 },
  capability_missing: { status: 400, code: -32021 },
  version_unsupported: { status: 400, code: -32022 },
  method_unknown: { status: 404, code: -32601, legacyStatus: 200 },
  name_unknown: { status: 200, code: -32602 },
  handle_unknown: { status: 200, code: -32602 },
  session_unknown: { status: 404, code: 40401 },
  internal: { status: 500, code: -32603 },
  upstream_unreachable: { status: 502, code: 50201 },
  upstream_invalid: { status: 502, code: 50202 },
  draining: { status: 503, code: 50301 },
  keys_unavailable: { status: 503, code: 50302 },
  overloaded: { status: 503, code: 50303 },
  issuer_unavailable: { status: 503, code: 50304 },
  upstream_timeout: { status: 504, code: 50401 },
} as const satisfies Record<string, Row>

/** The stable name of an error on the wire; it stands in `data.reason`. */
export type Reason = keyof typeof table

/** Every reason. */
export const reasons = Object.keys(table) as Reason[]

/** The HTTP status of an error in an era; of the modern one where the era is not known. */
export function statusOf(reason: Reason, era: 'modern' | 'legacy' | undefined): number {
  const { status, legacyStatus = status }: Row = table[reason]
  return era === 'legacy' ? legacyStatus : status
}

/** What an error may carry beside its reason and message. */
export interface RefusalDetails {
  /** The request's id as the JSON text that the client wrote; undefined when it is not known. */
  readonly id?: string | undefined
  /** Headers that belong to the answer, such as WWW-Authenticate. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Further members of `data`. */
  readonly data?: Readonly<Record<string, unknown>> | undefined
  /** The rule in gateway.yaml that decided; for the log only. */
  readonly rule?: string | undefined
  readonly cause?: unknown
}

/** A request that the gateway refuses; the only error that becomes an answer with its own text. */
export class Refusal extends Error {
  readonly reason: Reason
  readonly status: number
  readonly code: number
  readonly id: string | undefined
  readonly headers: Readonly<Record<string, string>>
  readonly data: Readonly<Record<string, unknown>>
  readonly rule: string | undefined

  constructor(reason: Reason, message: string, details: RefusalDetails = {}) {
    const { stackTraceLimit } = Error
    // Where a refusal was made says nothing that its reason does not, and to find out would cost more than the request.
    Error.stackTraceLimit = 0
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    Error.stackTraceLimit = stackTraceLimit
    this.name = 'Refusal'
    this.reason = reason
    this.status = table[reason].status
    this.code = table[reason].code
    this.id = details.id
    this.headers = details.headers ?? {}
    this.data = details.data ?? {}
    this.rule = details.rule
  }
}

/**
 * The JSON text of a JSON-RPC error.
 *
 * @param refusal what went wrong
 * @param id the request's id as JSON text; `null` writes a null id (legacy), undefined leaves it out, as
 *   2026-07-28 asks for when it is unknown
 * @param context members of `data` that every error carries
 */
export function errorMessage(
  refusal: Refusal,
  id: string | null | undefined,
  context: { requestId: string; revision?: string | undefined },
): string {
  const { reason, code, message, data } = refusal
  const { requestId, revision } = context
  const text = JSON.stringify({ code, message, data: { reason, ...data, requestId, revision } })
  const error = printableJson(text)
  return id === undefined
    ? `{"jsonrpc":"2.0","error":${error}}`
    : `{"jsonrpc":"2.0","id":${id},"error":${error}}`
}
