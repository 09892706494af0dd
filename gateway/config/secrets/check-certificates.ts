import type { KeyObject, X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import { readRevocationList } from '../../values/pki/crl.ts'
import { readCertificates, readPrivateKey } from '../../values/pki/key-material.ts'
import type { Path } from '../document/pointer.ts'
import { pemBlocks, secureContextOptions, type TlsTexts } from '../../values/pki/pem.ts'
import type { Resolved } from './secrets.ts'
import { entries, reportAt, type CheckContext } from '../checks/check-context.ts'

const day = 86_400_000
const warnBefore = 14 * day

/** What the listener serves TLS with, and what client certificates are verified against, is fit for that. */
export function checkCertificates(context: CheckContext, { find }: Resolved): void {
  const { tls } = context.config.listen ?? {}
  if (tls !== undefined) {
    const path: Path = ['listen', 'tls']
    const cert = find(tls.cert)
    const key = find(tls.key)
    const clientCa = find(tls.clientCa)
    const crl = find(tls.crl)
    const chain = cert === undefined ? [] : readChain(context, [...path, 'cert'], cert)
    const privateKey = key === undefined ? undefined : readKey(context, [...path, 'key'], key)
    const fine = [
      checkPair(context, path, chain?.[0], privateKey),
      clientCa === undefined || checkAuthorities(context, [...path, 'clientCa'], clientCa),
      crl === undefined || checkLists(context, [...path, 'crl'], crl),
    ]
    if (cert !== undefined && key !== undefined && fine.every(Boolean)) {
      checkUse(context, path, { cert, key, clientCa, crl, minVersion: tls.minVersion ?? 'TLSv1.2' })
    }
  }
  for (const [name, method] of entries(context.config.auth)) {
    if (method.type !== 'mtls') continue
    const path: Path = ['auth', name, 'from']
    const ca = find(method.from?.ca)
    const crl = find(method.from?.crl)
    if (ca !== undefined) checkAuthorities(context, [...path, 'ca'], ca)
    if (crl !== undefined) checkLists(context, [...path, 'crl'], crl)
  }
}

function readChain(context: CheckContext, path: Path, text: string): X509Certificate[] | undefined {
  const chain = readCertificates(text)
  if (chain === undefined) unreadable(context, path, 'what this refers to is no certificate in PEM')
  else checkDates(context, path, 'the certificate', chain[0]!.validFromDate, chain[0]!.validToDate)
  return chain
}

function readKey(context: CheckContext, path: Path, text: string): KeyObject | undefined {
  const key = readPrivateKey(text)
  if (key === undefined)
    unreadable(context, path, 'what this refers to is no private key in PEM, or has a passphrase')
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
  const related = [{ path: [...path, 'cert'], message: 'the certificate is named here' }]
  const message = 'this key is not that of the certificate; write the two that belong together'
  reportAt(context, 'GH1108', [...path, 'key'], message, { related })
  return false
}

function checkAuthorities(context: CheckContext, path: Path, text: string): boolean {
  const authorities = readChain(context, path, text)
  const other = authorities?.find(({ ca }) => !ca)
  if (other !== undefined) {
    const message = 'a certificate here is not that of a CA, and so vouches for nobody; take it out'
    unreadable(context, path, message)
  }
  return authorities !== undefined && other === undefined
}

function checkLists(context: CheckContext, path: Path, text: string): boolean {
  try {
    const lists = pemBlocks(text, 'X509 CRL').map(readRevocationList)
    if (lists.length === 0) throw new RangeError('nothing there')
    for (const { thisUpdate, nextUpdate } of lists) {
      checkDates(context, path, 'the revocation list', new Date(thisUpdate), new Date(nextUpdate))
    }
    return true
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    unreadable(context, path, 'what this refers to is no certificate revocation list in PEM')
    return false
  }
}

/** What is well formed may still be something that OpenSSL will not serve with, such as a key that is too small. */
function checkUse(context: CheckContext, path: Path, texts: TlsTexts): void {
  try {
    createSecureContext(secureContextOptions(texts))
  } catch (error) {
    const { reason = 'no reason given' } = error as { reason?: string }
    unreadable(context, [...path, 'cert'], `TLS cannot be served with these files: ${reason}`)
  }
}

function checkDates(context: CheckContext, path: Path, what: string, from: Date, to: Date): void {
  const now = context.loadContext.options.now.getTime()
  const left = to.getTime() - now
  const state =
    left <= 0
      ? 'has expired'
      : from.getTime() > now
        ? `is not valid before ${from.toISOString()}`
        : left <= warnBefore
          ? `expires within ${Math.ceil(left / day) === 1 ? 'a day' : `${Math.ceil(left / day)} days`}`
          : undefined
  if (state !== undefined) reportAt(context, 'GH1405', path, `${what} that this refers to ${state}; renew it`)
}

function unreadable(context: CheckContext, path: Path, message: string): void {
  reportAt(context, 'GH1107', path, message)
}
