import type { Path } from '../document/pointer.ts'
import { whyMalformed } from '../../values/formats.ts'
import { entries, items, reportAt, type CheckContext } from './check-context.ts'

/** Where certificates are spoken of, there is something to verify them against; patterns are well formed. */
export function checkMtls(context: CheckContext): void {
  const { tls } = context.config.listen ?? {}
  const asked = tls?.clientCa !== undefined
  if (tls?.crl !== undefined && !asked) {
    const message = 'a revocation list is of use only beside `clientCa`; name the CA, or take this field out'
    reportAt(context, 'GH1314', ['listen', 'tls', 'crl'], message, { part: 'key' })
  }
  for (const [name, method] of entries(context.config.auth)) {
    if (method.type !== 'mtls') continue
    checkPatterns(context, name, method.grants)
    if (asked || method.from !== undefined) continue
    const message =
      'clients are asked for no certificate; set `listen.tls.clientCa`, or `from` here where TLS ends in front of the gateway'
    reportAt(context, 'GH1314', ['auth', name, 'type'], message)
  }
  for (const [name, { certificate }] of entries(context.config.keys)) {
    if (certificate === undefined || asked) continue
    const message =
      'clients are asked for no certificate, so this key could never be used; set `listen.tls.clientCa`'
    reportAt(context, 'GH1314', ['keys', name, 'certificate'], message, { part: 'key' })
  }
}

interface Patterns {
  readonly when?: { readonly san?: unknown; readonly subject?: string | undefined } | undefined
}

function checkPatterns(
  context: CheckContext,
  method: string,
  grants: readonly (Patterns | undefined)[] | undefined,
): void {
  for (const [index, { when }] of items(grants)) {
    const path: Path = ['auth', method, 'grants', index, 'when']
    const { san, subject } = when ?? {}
    if (Array.isArray(san))
      for (const [at, pattern] of items(san)) checkPattern(context, [...path, 'san', at], pattern)
    else checkPattern(context, [...path, 'san'], san)
    checkPattern(context, [...path, 'subject'], subject)
  }
}

function checkPattern(context: CheckContext, path: Path, pattern: unknown): void {
  const why = typeof pattern === 'string' ? whyMalformed('glob', pattern) : undefined
  if (why !== undefined) reportAt(context, 'GH1306', path, why)
}
