import type { KeyObject, X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import { readRevocationList } from '../../values/pki/crl.ts'
import { readCertificates, readPrivateKey } from '../../values/pki/key-material.ts'
import type { Path } from '../document/pointer.ts'
import { pemBlocks, secureContextOptions, type TlsTexts } from '../../values/pki/pem.ts'
import type { ResolvedSecrets } from './secrets.ts'
import { entries, reportAt, type CheckContext } from '../checks/check-context.ts'

const dayMs = 86_400_000
const warnBeforeMs = 14 * dayMs

/** Checks the certificates, private key and revocation lists of the listener and of `mtls` auth methods. */
export function checkCertificates(context: CheckContext, { textOf }: ResolvedSecrets): void {
  checkListener(context, textOf)
  for (const [name, method] of entries(context.config.auth)) {
    if (method.type !== 'mtls') continue
    const path: Path = ['auth', name, 'from']
    const ca = textOf(method.from?.ca)
    const crl = textOf(method.from?.crl)
    if (ca !== undefined) checkAuthorities(context, [...path, 'ca'], ca)
    if (crl !== undefined) checkLists(context, [...path, 'crl'], crl)
  }
}

function checkListener(context: CheckContext, textOf: ResolvedSecrets['textOf']): void {
  const { tls } = context.config.listen ?? {}
  if (tls === undefined) return
  const path: Path = ['listen', 'tls']
  const [cert, key, clientCa, crl] = [tls.cert, tls.key, tls.clientCa, tls.crl].map(textOf)
  const chain = cert === undefined ? [] : readChain(context, [...path, 'cert'], cert)
  const privateKey = key === undefined ? undefined : readPrivateKeyAt(context, [...path, 'key'], key)
  const results = [
    checkPair(context, path, chain?.[0], privateKey),
    clientCa === undefined || checkAuthorities(context, [...path, 'clientCa'], clientCa),
    crl === undefined || checkLists(context, [...path, 'crl'], crl),
  ]
  if (cert === undefined || key === undefined || !results.every(Boolean)) return
  checkTlsFiles(context, path, { cert, key, clientCa, crl, minVersion: tls.minVersion ?? 'TLSv1.2' })
}

function readChain(context: CheckContext, path: Path, text: string): X509Certificate[] | undefined {
  const chain = readCertificates(text)
  if (chain === undefined)
    reportUnreadable(context, path, 'this is not a certificate in PEM', usePem('CERTIFICATE'))
  else checkDates(context, path, 'certificate', chain[0]!.validFromDate, chain[0]!.validToDate)
  return chain
}

function readPrivateKeyAt(context: CheckContext, path: Path, text: string): KeyObject | undefined {
  const key = readPrivateKey(text)
  if (key === undefined) {
    const message = 'this is not a private key in PEM, or it has a passphrase'
    reportUnreadable(context, path, message, usePem('PRIVATE KEY'))
  }
  return key
}

function checkPair(
  context: CheckContext,
  path: Path,
  leaf: X509Certificate | undefined,
  key: KeyObject | undefined,
): boolean {
  if (leaf === undefined || key === undefined) return false
  if (leaf.checkPrivateKey(key)) return true
  reportAt(context, 'GH1108', [...path, 'key'], {
    message: 'this private key does not belong to the certificate',
    help: 'use the certificate and the key of one pair',
    related: [{ path: [...path, 'cert'], message: 'the certificate' }],
  })
  return false
}

function checkAuthorities(context: CheckContext, path: Path, text: string): boolean {
  const authorities = readChain(context, path, text)
  const other = authorities?.find(({ ca }) => !ca)
  if (other !== undefined) {
    reportUnreadable(context, path, 'one of these certificates is not a CA', 'keep CA certificates only')
  }
  return authorities !== undefined && other === undefined
}

function checkLists(context: CheckContext, path: Path, text: string): boolean {
  try {
    const lists = pemBlocks(text, 'X509 CRL').map(readRevocationList)
    if (lists.length === 0) throw new RangeError('no list')
    for (const { thisUpdate, nextUpdate } of lists) {
      checkDates(context, path, 'revocation list', new Date(thisUpdate), new Date(nextUpdate))
    }
    return true
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    const message = 'this is not a certificate revocation list in PEM'
    reportUnreadable(context, path, message, usePem('X509 CRL'))
    return false
  }
}

/** Checks that OpenSSL accepts the files together: it refuses keys that are too small, for example. */
function checkTlsFiles(context: CheckContext, path: Path, texts: TlsTexts): void {
  try {
    createSecureContext(secureContextOptions(texts))
  } catch (error) {
    const { reason = 'no reason given' } = error as { reason?: string }
    const message = `OpenSSL does not accept these files: ${reason}`
    reportUnreadable(context, [...path, 'cert'], message, 'replace the certificate or the key')
  }
}

function checkDates(context: CheckContext, path: Path, noun: string, from: Date, to: Date): void {
  const now = context.loadContext.options.now.getTime()
  const left = to.getTime() - now
  const state =
    left <= 0
      ? 'has expired'
      : from.getTime() > now
        ? `is not valid before ${from.toISOString()}`
        : left <= warnBeforeMs
          ? `expires within ${Math.ceil(left / dayMs) === 1 ? 'a day' : `${Math.ceil(left / dayMs)} days`}`
          : undefined
  if (state === undefined) return
  reportAt(context, 'GH1405', path, {
    message: `this ${noun} ${state}`,
    help: 'replace the file with a new one',
  })
}

function usePem(label: string): string {
  return `use a file that begins with \`-----BEGIN ${label}-----\``
}

function reportUnreadable(context: CheckContext, path: Path, message: string, help: string): void {
  reportAt(context, 'GH1107', path, { message, help })
}
