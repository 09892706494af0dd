import type { Path } from '../document/pointer.ts'
import { checkGlob } from './check-glob.ts'
import { entries, items, reportAt, type CheckContext } from './check-context.ts'

/** Checks that there is a CA where client certificates are used, and that patterns are valid. */
export function checkMtls(context: CheckContext): void {
  const { tls } = context.config.listen ?? {}
  const asked = tls?.clientCa !== undefined
  if (tls?.crl !== undefined && !asked) {
    reportAt(context, 'GH1314', ['listen', 'tls', 'crl'], {
      message: '`crl` has no effect without `clientCa`',
      help: 'add `clientCa: {file: path}`, or remove `crl`',
      part: 'key',
    })
  }
  for (const [name, method] of entries(context.config.auth)) {
    if (method.type !== 'mtls') continue
    checkPatterns(context, name, method.grants)
    if (asked || method.from !== undefined) continue
    reportAt(context, 'GH1314', ['auth', name, 'type'], {
      message: 'the gateway does not ask clients for a certificate',
      help: 'set `listen.tls.clientCa`, or `from` here if TLS ends in front of the gateway',
    })
  }
  for (const [name, { certificate }] of entries(context.config.keys)) {
    if (certificate === undefined || asked) continue
    reportAt(context, 'GH1314', ['keys', name, 'certificate'], {
      message: 'the gateway does not ask clients for a certificate, so nobody can use this key',
      help: 'set `listen.tls.clientCa`',
      part: 'key',
    })
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
  if (typeof pattern === 'string') checkGlob(context, pattern, path, { subject: 'text', use: 'match' })
}
