import { printableJson } from '../lib/printable.ts'
import { details, rowOf, textOf, type Detail, type DetailValues, type Reason } from './refusal-table.ts'

/** What a refusal may carry beside its detail. */
export interface RefusalOptions {
  /** What takes the place of the names in braces in the text of the detail. */
  readonly values?: DetailValues | undefined
  /** The request's id as the JSON text that the client wrote; undefined when it is not known. */
  readonly id?: string | undefined
  /** Headers that belong to the response, such as Allow. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Further members of `data`. */
  readonly data?: Readonly<Record<string, unknown>> | undefined
  /** The rule in gateway.yaml that decided; for the log only. */
  readonly rule?: string | undefined
  /** The scopes that a token needs, for the challenge. */
  readonly scopes?: readonly string[] | undefined
  readonly cause?: unknown
}

const noHeaders: Readonly<Record<string, string>> = {}
const noData: Readonly<Record<string, unknown>> = {}

/** A request that the gateway refuses; the only error that becomes a response with its own text. */
export class Refusal extends Error {
  readonly detail: Detail
  readonly reason: Reason
  readonly status: number
  readonly code: number
  readonly id: string | undefined
  readonly headers: Readonly<Record<string, string>>
  readonly data: Readonly<Record<string, unknown>>
  readonly rule: string | undefined
  readonly scopes: readonly string[] | undefined

  /** @param detail what it says: a row of `details`, which also gives its reason */
  constructor(detail: Detail, options: RefusalOptions = {}) {
    const { stackTraceLimit } = Error
    // Where a refusal was made says nothing that its detail does not, and to find out would cost more than the request.
    Error.stackTraceLimit = 0
    super(textOf(detail, options.values), options.cause === undefined ? undefined : { cause: options.cause })
    Error.stackTraceLimit = stackTraceLimit
    const reason: Reason = details[detail][0]
    const { status, code, retryAfter } = rowOf(reason)
    this.name = 'Refusal'
    this.detail = detail
    this.reason = reason
    this.status = status
    this.code = code
    this.id = options.id
    this.headers =
      retryAfter === undefined
        ? (options.headers ?? noHeaders)
        : { 'retry-after': String(retryAfter), ...options.headers }
    this.data = options.data ?? noData
    this.rule = options.rule
    this.scopes = options.scopes
  }
}

/** Returns the HTTP status of an error in an era; of the modern one where the era is not known. */
export function statusOf(reason: Reason, era: 'modern' | 'legacy' | undefined): number {
  const { status, legacyStatus = status } = rowOf(reason)
  return era === 'legacy' ? legacyStatus : status
}

/**
 * Returns the JSON text of a JSON-RPC error.
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
