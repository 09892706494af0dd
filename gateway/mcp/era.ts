import type { IncomingHttpHeaders } from 'node:http'
import type { Message } from './message.ts'
import { Refusal } from './errors.ts'
import { headerMismatch, decodeMirrored } from './header-value.ts'
import { ruleOf } from './methods.ts'

/** `modern`: MCP 2026-07-28, stateless. `legacy`: 2025-03-26 to 2025-11-25, opened with `initialize`. */
export type Era = 'modern' | 'legacy'

const modernVersions: readonly string[] = ['2026-07-28']
const legacyVersions: readonly string[] = [
  '2025-11-25',
  '2025-06-18',
  '2025-03-26',
  '2024-11-05',
  '2024-10-07',
]

/** Methods that the modern era removed, with the member of `params` that is judged if it is present. */
const removed: ReadonlyMap<string, string | undefined> = new Map([
  ['resources/subscribe', 'uri'],
  ['resources/unsubscribe', 'uri'],
  ['tasks/result', undefined],
])

const versionKey = 'io.modelcontextprotocol/protocolVersion'
const versionPath = `params._meta["${versionKey}"]`

/** Methods for which 2026-07-28 requires Mcp-Name. It is optional for other methods that carry a name. */
const requiresName: ReadonlySet<string> = new Set(['tools/call', 'prompts/get', 'resources/read'])

/** Returns whether the MCP-Protocol-Version header names a modern revision. That is only a hint: the body decides. */
export function hasModernHeader(headers: IncomingHttpHeaders): boolean {
  return modernVersions.includes(single(headers, 'mcp-protocol-version') ?? '')
}

/** Returns whether the request may be a batch. Only 2025-03-26 has batches; without a header, that version is assumed. */
export function allowsBatch(headers: IncomingHttpHeaders): boolean {
  const version = single(headers, 'mcp-protocol-version')
  return version === undefined || version === '2025-03-26'
}

/** Returns the protocol version that a message claims in its `_meta`. */
export function claimedVersion(message: Message): unknown {
  const meta = message.params?.['_meta']
  return typeof meta === 'object' && meta !== null ? (meta as Record<string, unknown>)[versionKey] : undefined
}

/**
 * Returns the era of a message, by its body. Refuses headers that contradict the body (MCP 2026-07-28, Streamable HTTP,
 * Server Validation), because anything behind the gateway may read either.
 *
 * @throws Refusal `header_mismatch`, `version_unsupported`, `params_invalid`, or `method_unknown` for a removed method
 */
export function agreedEra(message: Message, headers: IncomingHttpHeaders): Era {
  const header = single(headers, 'mcp-protocol-version')
  const claimed = claimedVersion(message)
  const { id } = message
  let era: Era = 'legacy'
  if (claimed !== undefined) {
    if (typeof claimed !== 'string') {
      throw new Refusal('param_not_string', { values: { path: versionPath }, id })
    }
    if (header !== claimed) {
      throw headerMismatch('MCP-Protocol-Version', header, versionPath, id)
    }
    if (!modernVersions.includes(claimed)) throw unsupported(claimed, modernVersions, id)
    era = 'modern'
  } else if (header !== undefined && modernVersions.includes(header)) {
    if (message.method === 'initialize') throw headerMismatch('MCP-Protocol-Version', header, 'method', id)
    if (message.kind === 'response') {
      throw new Refusal('response_refused', { values: { version: header }, id })
    }
    if (message.kind === 'request') {
      throw new Refusal('param_required', { values: { path: versionPath, version: header }, id })
    }
    era = 'modern'
  } else if (header !== undefined && !legacyVersions.includes(header)) {
    throw unsupported(header, [...modernVersions, ...legacyVersions.slice(0, 3)], id)
  }
  checkMirrors(message, headers, era)
  if (era === 'modern') refuseRemoved(message)
  return era
}

function checkMirrors(message: Message, headers: IncomingHttpHeaders, era: Era): void {
  const required = era === 'modern' && message.kind === 'request'
  const method = single(headers, 'mcp-method')
  if (method === undefined ? required : method !== message.method) {
    throw headerMismatch('Mcp-Method', method, 'method', message.id)
  }
  const name = single(headers, 'mcp-name')
  if (name === undefined) {
    if (!required || !requiresName.has(message.method!)) return
  }
  const member = mirroredMember(message.method)
  const decoded = name === undefined ? undefined : decodeMirrored(name)
  if (decoded === undefined || member === undefined || decoded !== message.params?.[member]) {
    throw headerMismatch('Mcp-Name', name, member === undefined ? undefined : `params.${member}`, message.id)
  }
}

/** Refuses the methods that the modern era removed. One that carries a name is judged by it, and the upstream refuses it. */
function refuseRemoved({ id, method = '', params }: Message): void {
  if (!removed.has(method)) return
  const member = removed.get(method)
  if (member !== undefined && params?.[member] !== undefined) return
  throw new Refusal('method_unknown', { values: { method }, id })
}

/** Returns the member of `params` that Mcp-Name mirrors; undefined for a method that names nothing. */
function mirroredMember(method: string | undefined): 'name' | 'uri' | 'taskId' | undefined {
  const rule = method === undefined ? undefined : ruleOf(method)
  return rule?.task === true ? 'taskId' : rule?.names?.member
}

function single(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value.join(', ') : value
}

function unsupported(requested: string, supported: readonly string[], id: string | undefined): Refusal {
  return new Refusal('version_unsupported', {
    id,
    data: { supported, requested: requested.slice(0, 64) },
  })
}
