import { printable, printableJson } from '../lib/printable.ts'
import { details, rowOf, textOf, type Detail, type DetailValues, type Reason } from './refusal-table.ts'

/** Options of a refusal. */
export interface RefusalOptions {
  /** The values for the names in braces in the text of the detail. */
  readonly values?: DetailValues | undefined
  /** The id of the request, as the JSON text that the client wrote; undefined if it is unknown. */
  readonly id?: string | undefined
  /** Headers of the response, such as Allow. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Further members of `data`. */
  readonly data?: Readonly<Record<string, unknown>> | undefined
  /** The rule in gateway.yaml that decided; for the log only. */
  readonly rule?: string | undefined
  /** The name of the principal, if its credential proves it and is refused all the same; for the log only. */
  readonly principal?: string | undefined
  /** The scopes that a token needs, for the challenge. */
  readonly scopes?: readonly string[] | undefined
  readonly cause?: unknown
}

const noHeaders: Readonly<Record<string, string>> = {}
const noData: Readonly<Record<string, unknown>> = {}

/** The refusal of a request. No other error puts its own text into a response. */
export class Refusal extends Error {
  readonly detail: Detail
  readonly reason: Reason
  readonly status: number
  readonly code: number
  readonly id: string | undefined
  readonly headers: Readonly<Record<string, string>>
  readonly data: Readonly<Record<string, unknown>>
  readonly rule: string | undefined
  principal: string | undefined
  readonly scopes: readonly string[] | undefined

  /** @param detail the row of `details` with its text and its reason */
  constructor(detail: Detail, options: RefusalOptions = {}) {
    const { stackTraceLimit } = Error
    // The stack says nothing that the detail does not, and capturing it costs more than the request.
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
    this.principal = options.principal
    this.scopes = options.scopes
  }
}

/** Members of `data` that every error carries. */
export interface ErrorContext {
  readonly requestId: string
  readonly revision?: string | undefined
}

/**
 * Returns the HTTP status of an error that answers a call.
 *
 * @param era of the call; undefined if it is unknown, or if no call is answered
 */
export function statusOf(reason: Reason, era: 'modern' | 'legacy' | undefined): number {
  const { status, legacyStatus = status } = rowOf(reason)
  return era === 'legacy' ? legacyStatus : status
}

/**
 * Returns the JSON text of a JSON-RPC error.
 *
 * @param id the request's id as JSON text; null for an error that answers no request
 */
export function errorMessage(
  refusal: Refusal,
  id: string | null,
  { requestId, revision }: ErrorContext,
): string {
  const { reason, code, message, data } = refusal
  const { retryAfter } = rowOf(reason)
  const text = JSON.stringify({ code, message, data: { reason, ...data, retryAfter, requestId, revision } })
  return `{"jsonrpc":"2.0","id":${id},"error":${printableJson(text)}}`
}

/**
 * Returns an error as plain text, for a request whose id is unknown: clients wait for an error with their id, and some do not
 * survive one with another id or none.
 */
export function errorText({ reason, code, message }: Refusal, { requestId, revision }: ErrorContext): string {
  const context = revision === undefined ? '' : `revision: ${revision}\n`
  return `${reason} (${code}): ${printable(message)}\nrequestId: ${requestId}\n${context}`
}
