import { upstreamDetails } from './upstream-details.ts'

/** One row of the table of errors: the part that clients can rely on. */
interface ReasonRow {
  readonly status: number
  readonly code: number
  /** The status in the legacy era, where clients take `status` for the end of the session, if only one call is at fault. */
  readonly legacyStatus?: number
  /** Seconds for the header Retry-After. */
  readonly retryAfter?: number
  /** Set if the id of the request is not returned, so that a web page of another origin learns nothing. */
  readonly withoutId?: true
}

/**
 * Every error that the gateway itself answers with, by reason. The JSON-RPC codes are those of the protocol if it has one,
 * and positive numbers otherwise: MCP 2026-07-28 (basic, Error Codes) reserves -32768…-32000.
 */
export const reasons = {
  credential_missing: { status: 401, code: 40101 },
  credential_invalid: { status: 401, code: 40102 },
  credential_expired: { status: 401, code: 40103 },
  forbidden: { status: 403, code: 40301 },
  insufficient_scope: { status: 403, code: 40302 },
  origin_refused: { status: 403, code: 40303, withoutId: true },
  host_refused: { status: 403, code: 40304, withoutId: true },
  path_unknown: { status: 404, code: 40402 },
  method_not_allowed: { status: 405, code: 40501 },
  not_acceptable: { status: 406, code: 40601 },
  request_timeout: { status: 408, code: 40801 },
  body_too_large: { status: 413, code: 41301, legacyStatus: 200 },
  unsupported_media_type: { status: 415, code: 41501 },
  headers_too_large: { status: 431, code: 43101 },
  request_malformed: { status: 400, code: 40001 },
  json_malformed: { status: 400, code: -32700 },
  message_invalid: { status: 400, code: -32600 },
  params_invalid: { status: 400, code: -32602, legacyStatus: 200 },
  header_mismatch: { status: 400, code: -32020 },
  capability_missing: { status: 400, code: -32021, legacyStatus: 200 },
  version_unsupported: { status: 400, code: -32022 },
  method_unknown: { status: 404, code: -32601, legacyStatus: 200 },
  name_unknown: { status: 200, code: -32602 },
  handle_unknown: { status: 200, code: -32602 },
  session_unknown: { status: 404, code: 40401 },
  internal: { status: 500, code: -32603, legacyStatus: 200 },
  upstream_unreachable: { status: 502, code: 50201, legacyStatus: 200 },
  upstream_invalid: { status: 502, code: 50202, legacyStatus: 200 },
  draining: { status: 503, code: 50301, legacyStatus: 200, retryAfter: 1 },
  keys_unavailable: { status: 503, code: 50302, legacyStatus: 200, retryAfter: 5 },
  overloaded: { status: 503, code: 50303, legacyStatus: 200, retryAfter: 1 },
  issuer_unavailable: { status: 503, code: 50304, legacyStatus: 200, retryAfter: 5 },
  upstream_timeout: { status: 504, code: 50401, legacyStatus: 200 },
} as const satisfies Record<string, ReasonRow>

/** The stable name of an error on the wire; it is in `data.reason`. */
export type Reason = keyof typeof reasons

/** Returns the row of a reason. */
export function rowOf(reason: Reason): ReasonRow {
  return reasons[reason]
}

/**
 * Every detail of a refusal: its reason, and its text for the client. The log writes the detail. Values replace their names
 * in braces.
 */
export const details = {
  // Authentication.
  credential_missing: ['credential_missing', 'this proxy requires a credential: {ways}'],
  credentials_several: ['credential_invalid', 'the request carries more than one credential; send one'],
  credential_scheme_twice: ['credential_invalid', 'the scheme is written twice; send it once, then the key'],
  credential_placeholder: [
    'credential_invalid',
    'the credential is a placeholder that the client did not replace with the key',
  ],
  credential_unset: ['credential_invalid', 'the credential is the value of a variable that is not set'],
  credential_revoked: ['credential_invalid', 'the credential was revoked'],
  auth_changed: ['credential_invalid', 'the auth methods of this proxy were changed'],
  key_unknown: ['credential_invalid', 'the key is unknown'],
  key_disabled: ['credential_invalid', 'the key is disabled'],
  key_early: ['credential_invalid', 'the key is not valid yet'],
  key_expired: ['credential_expired', 'the key has expired'],
  key_unbound: [
    'credential_invalid',
    'the key is bound to a certificate that this connection does not present',
  ],
  keys_checked: ['overloaded', 'too many keys are being checked; send the request again'],
  keys_failed: ['overloaded', 'too many unknown keys came from this address; try again later'],
  certificate_unreadable: ['credential_invalid', 'the certificate cannot be read'],
  certificate_not_forwarded: [
    'credential_invalid',
    'the proxy in front of the gateway forwards no certificate; its header needs Cert',
  ],
  certificate_unknown: ['credential_invalid', 'the certificate is unknown'],
  certificate_untrusted: ['credential_invalid', 'the certificate was not issued by a trusted CA'],
  certificate_revoked: ['credential_invalid', 'the certificate was revoked'],
  certificate_unchecked: ['credential_invalid', 'no current revocation list covers the certificate'],
  certificate_early: ['credential_invalid', 'the certificate is not valid yet'],
  certificate_expired: ['credential_expired', 'the certificate has expired'],
  certificate_usage: ['credential_invalid', 'the certificate is not for client authentication'],
  certificate_refused: ['credential_invalid', 'the certificate was refused: {why}'],
  token_malformed: ['credential_invalid', 'the credential is not a signed token'],
  token_opaque: ['credential_invalid', 'the credential is not an access token of the issuer'],
  token_too_large: ['credential_invalid', 'the token is larger than 16 KiB'],
  token_encoding: ['credential_invalid', 'the token is not valid base64url'],
  token_claims: [
    'credential_invalid',
    'the token header or claims are not a JSON object, or repeat a member',
  ],
  token_issuer: ['credential_invalid', 'the issuer of the token is not accepted here'],
  token_algorithm: ['credential_invalid', 'the signature algorithm of the token is not accepted'],
  token_critical: ['credential_invalid', 'the token requires an extension that is not supported'],
  token_kid: ['credential_invalid', 'the key id of the token is not a string'],
  token_type: ['credential_invalid', 'the token is not an access token'],
  token_scheme: ['credential_invalid', 'the token is not a Bearer token'],
  token_audience: ['credential_invalid', "the token's audience does not include this proxy"],
  token_no_audience: ['credential_invalid', 'the token has no audience; its issuer must set aud'],
  token_client: [
    'credential_invalid',
    'the token has no audience, and its client is not accepted without one',
  ],
  token_is_id_token: ['credential_invalid', 'this is an ID token; send an access token'],
  token_no_expiry: ['credential_invalid', 'the token has no expiry'],
  token_early: ['credential_invalid', 'the token is not valid yet'],
  token_expired: ['credential_expired', 'the token has expired'],
  token_no_subject: ['credential_invalid', 'the token has no subject'],
  token_subject_too_long: ['credential_invalid', 'the subject of the token is too long'],
  token_subject_changed: ['credential_invalid', 'the subject of the token has changed'],
  token_subject_is_token: ['credential_invalid', 'the issuer returned the token itself as its subject'],
  token_unknown_key: [
    'credential_invalid',
    'the token is signed with a key that its issuer does not publish',
  ],
  token_signature: ['credential_invalid', 'the signature of the token is wrong'],
  token_binding: ['credential_invalid', 'the token is bound in a way that this gateway cannot check'],
  token_unbound: [
    'credential_invalid',
    'the token is bound to a certificate that this connection does not present',
  ],
  token_inactive: ['credential_invalid', 'the token is not active'],
  token_forgotten: ['credential_invalid', 'the token is no longer known'],
  token_not_revalidated: [
    'issuer_unavailable',
    'the issuer does not answer, so the token cannot be checked again',
  ],
  token_not_introspected: [
    'issuer_unavailable',
    'the issuer does not answer, so the token cannot be checked',
  ],
  issuer_keys_missing: ['keys_unavailable', "the issuer's keys are not available; try again later"],

  // Access.
  proxy_forbidden: ['forbidden', 'no role of the caller grants access to the proxy {proxy}'],
  access_reduced: ['forbidden', 'access was reduced'],
  token_not_exchanged: [
    'forbidden',
    'the credential is valid here, but cannot be exchanged for a token of the upstream',
  ],
  scope_missing: ['insufficient_scope', 'the token lacks a scope; this needs {scopes}'],
  method_unknown: ['method_unknown', 'Method not found: {method}'],
  name_unknown: ['name_unknown', 'Unknown {kind}: {name}'],
  task_unknown: ['handle_unknown', 'Unknown task'],
  request_state_unknown: ['handle_unknown', 'Unknown requestState'],
  session_unknown: ['session_unknown', 'no such session; send initialize to open one'],
  calls_in_flight: ['overloaded', 'too many calls are in flight'],
  bodies_held: ['overloaded', 'too many bytes of request bodies are held'],
  lists_held: ['overloaded', 'too many bytes of lists are held'],

  // HTTP.
  origin_refused: ['origin_refused', 'this origin is not in listen.allowedOrigins'],
  host_refused: [
    'host_refused',
    'the Host header {host} does not name a host of this gateway; list it in listen.allowedHosts',
  ],
  path_unknown: ['path_unknown', 'no proxy is served at the path {path}'],
  oauth_not_offered: [
    'path_unknown',
    'no OAuth is offered here; the key or token that the client sends is missing, wrong or expired',
  ],
  method_not_allowed: ['method_not_allowed', 'an MCP endpoint takes {methods}'],
  metadata_method: ['method_not_allowed', 'metadata is read with {methods}'],
  connect_refused: ['method_not_allowed', '{method} is not served; send {methods}'],
  not_acceptable: ['not_acceptable', 'the Accept header must allow {types}'],
  content_type: ['unsupported_media_type', 'the body must be application/json in UTF-8'],
  content_encoding: ['unsupported_media_type', 'the body must not be compressed'],
  body_too_large: ['body_too_large', 'the body is larger than {limit} bytes, the maxBody of this proxy'],
  headers_too_large: ['headers_too_large', 'the request headers are larger than 24 KiB'],
  request_timeout: ['request_timeout', 'the request took too long'],
  http_malformed: ['request_malformed', 'the request is not valid HTTP'],
  http_version: ['request_malformed', 'the HTTP version must be 1.0 or 1.1'],
  transfer_coding_1_0: ['request_malformed', 'HTTP/1.0 does not have transfer codings'],
  transfer_coding: ['request_malformed', 'the only transfer coding is chunked'],
  connection_header: ['request_malformed', 'the Connection header must not name {name}'],
  connection_credential: ['request_malformed', 'the Connection header must not name a credential'],
  header_repeated: ['request_malformed', 'the header {name} is sent twice'],
  header_unfit: ['request_malformed', 'the request has a header that cannot be forwarded'],
  mcp_header_repeated: ['header_mismatch', 'the header {name} is sent twice'],
  mcp_header_without_body: ['header_mismatch', 'the header {name} mirrors a body, and {method} has none'],
  mcp_header_missing: ['header_mismatch', 'the header {header} is missing; it must match {member}'],
  mcp_header_differs: ['header_mismatch', 'the header {header} is {value}; it must match {member}'],
  mcp_header_unexpected: [
    'header_mismatch',
    'the header {header} is {value}; the method does not carry a name',
  ],

  // JSON-RPC and MCP.
  body_not_utf8: ['json_malformed', 'the body is not valid UTF-8'],
  body_not_json: ['json_malformed', 'the body is not valid JSON'],
  body_nested: ['message_invalid', 'the body is nested more than {limit} levels deep'],
  batch_refused: ['message_invalid', 'only MCP 2025-03-26 has batches; send one message'],
  batch_size: ['message_invalid', 'a batch must have between 1 and {limit} messages'],
  batch_undone: ['message_invalid', 'not sent, because another message of the batch was refused'],
  batch_handles: ['message_invalid', 'a batch cannot refer to tasks; send one message'],
  not_an_object: ['message_invalid', 'a JSON-RPC message must be an object'],
  jsonrpc_version: ['message_invalid', 'jsonrpc must be "2.0"'],
  id_invalid: ['message_invalid', 'id must be a string or a number of at most {limit} characters'],
  id_missing: ['message_invalid', '{method} needs an id'],
  response_id_missing: ['message_invalid', 'a response needs the id of its request'],
  message_shape: [
    'message_invalid',
    'a message needs a method or, as a response, either a result or an error',
  ],
  message_both: ['message_invalid', 'a message must not have both a method and a result or error'],
  method_not_string: ['message_invalid', 'method must be a string'],
  method_spelling: ['message_invalid', 'the method is spelled {method}'],
  method_unreadable: ['message_invalid', 'the method has control characters, or is too long'],
  params_not_object: ['message_invalid', 'params must be an object'],
  member_repeated: ['message_invalid', 'the member {member} is written twice'],
  member_case: ['message_invalid', 'the member {member} differs only in case from a member that MCP defines'],
  member_ambiguous: ['message_invalid', 'the member {member} is written twice, or with different case'],
  response_refused: ['message_invalid', 'clients do not send responses in {version}'],
  param_not_object: ['params_invalid', '{path} must be an object'],
  param_not_string: ['params_invalid', '{path} must be a string'],
  param_not_list: ['params_invalid', '{path} must be a list of strings'],
  param_list_too_long: ['params_invalid', '{path} has more than {limit} items'],
  param_name: [
    'params_invalid',
    '{path} must be a non-empty string of valid Unicode, without control characters, of at most {limit} characters',
  ],
  param_required: ['params_invalid', '{path} is required by {version}'],
  reference_type: ['params_invalid', 'params.ref.type must be ref/prompt or ref/resource'],
  subscriptions_too_long: [
    'params_invalid',
    'a list in params.notifications must have at most {limit} strings',
  ],
  names_too_long: ['params_invalid', 'the names in one request have more than {limit} characters in total'],
  related_task_unknown: ['params_invalid', 'the task in _meta["{member}"] is unknown'],
  capability_missing: ['capability_missing', '{method} needs the client capability {capability}'],
  version_unsupported: ['version_unsupported', 'Unsupported protocol version'],

  ...upstreamDetails,

  // The gateway.
  stopping: ['draining', 'the gateway is stopping'],
  upstream_changed: ['draining', 'the upstream of this proxy was changed; send the request again'],
  internal: ['internal', 'the gateway failed'],
} as const satisfies Record<string, readonly [Reason, string]>

/** The stable name of a refusal in the log. */
export type Detail = keyof typeof details

/** Values by the name in braces that they replace. */
export type DetailValues = Readonly<Record<string, string | number>>

const texts = new Map(
  Object.entries(details).map(([detail, [, text]]) => [detail, text.split(/[{}]/)] as const),
)

/** Returns the text of a detail with its values. */
export function textOf(detail: Detail, values?: DetailValues): string {
  const parts = texts.get(detail)!
  let text = parts[0]!
  for (let index = 1; index < parts.length; index += 2)
    text += `${values?.[parts[index]!]}${parts[index + 1]}`
  return text
}
