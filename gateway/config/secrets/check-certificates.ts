import type { KeyObject, X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import { readRevocationList } from '../../values/pki/crl.ts'
import { readCertificates, readPrivateKey } from '../../values/pki/key-material.ts'
import type { Path } from '../document/pointer.ts'
import { pemBlocks, secureContextOptions, type TlsTexts } from '../../values/pki/pem.ts'
import type { Resolved } from './secrets.ts'
import { entries, reportAt, type View } from '../checks/check-context.ts'

const day = 86_400_000
const warnBefore = 14 * day

/** What the listener serves TLS with, and what client certificates are verified against, is fit for that. */
export function checkCertificates(view: View, { find }: Resolved): void {
  const { tls } = view.config.listen ?? {}
  if (tls !== undefined) {
    const path: Path = ['listen', 'tls']
    const cert = find(tls.cert)
    const key = find(tls.key)
    const clientCa = find(tls.clientCa)
    const crl = find(tls.crl)
    const chain = cert === undefined ? [] : readChain(view, [...path, 'cert'], cert)
    const privateKey = key === undefined ? undefined : readKey(view, [...path, 'key'], key)
    const fine = [
      checkPair(view, path, chain?.[0], privateKey),
      clientCa === undefined || checkAuthorities(view, [...path, 'clientCa'], clientCa),
      crl === undefined || checkLists(view, [...path, 'crl'], crl),
    ]
    if (cert !== undefined && key !== undefined && fine.every(Boolean)) {
      checkUse(view, path, { cert, key, clientCa, crl, minVersion: tls.minVersion ?? 'TLSv1.2' })
    }
  }
  for (const [name, method] of entries(view.config.auth)) {
    if (method.type !== 'mtls') continue
    const path: Path = ['auth', name, 'from']
    const ca = find(method.from?.ca)
    const crl = find(method.from?.crl)
    if (ca !== undefined) checkAuthorities(view, [...path, 'ca'], ca)
    if (crl !== undefined) checkLists(view, [...path, 'crl'], crl)
  }
}

function readChain(view: View, path: Path, text: string): X509Certificate[] | undefined {
  const chain = readCertificates(text)
  if (chain === undefined) unreadable(view, path, 'what this refers to is no certificate in PEM')
  else checkDates(view, path, 'the certificate', chain[0]!.validFromDate, chain[0]!.validToDate)
  return chain
}

function readKey(view: View, path: Path, text: string): KeyObject | undefined {
  const key = readPrivateKey(text)
  if (key === undefined)
    unreadable(view, path, 'what this refers to is no private key in PEM, or has a passphrase')
  return key
}

function checkPair(
  view: View,
  path: Path,
  leaf: X509Certificate | undefined,
  key: KeyObject | undefined,
): boolean {
  if (leaf === undefined || key === undefined) return false
  if (leaf.checkPrivateKey(key)) return true
  const related = [{ path: [...path, 'cert'], message: 'the certificate is named here' }]
  const message = 'this key is not that of the certificate; write the two that belong together'
  reportAt(view, 'GH1108', [...path, 'key'], message, { related })
  return false
}

function checkAuthorities(view: View, path: Path, text: string): boolean {
  const authorities = readChain(view, path, text)
  const other = authorities?.find(({ ca }) => !ca)
  if (other !== undefined) {
    const message = 'a certificate here is not that of a CA, and so vouches for nobody; take it out'
    unreadable(view, path, message)
  }
  return authorities !== undefined && other === undefined
}

function checkLists(view: View, path: Path, text: string): boolean {
  try {
    const lists = pemBlocks(text, 'X509 CRL').map(readRevocationList)
    if (lists.length === 0) throw new RangeError('nothing there')
    for (const { thisUpdate, nextUpdate } of lists) {
      checkDates(view, path, 'the revocation list', new Date(thisUpdate), new Date(nextUpdate))
    }
    return true
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    unreadable(view, path, 'what this refers to is no certificate revocation list in PEM')
    return false
  }
}

/** What is well formed may still be something that OpenSSL will not serve with, such as a key that is too small. */
function checkUse(view: View, path: Path, texts: TlsTexts): void {
  try {
    createSecureContext(secureContextOptions(texts))
  } catch (error) {
    const { reason = 'no reason given' } = error as { reason?: string }
    unreadable(view, [...path, 'cert'], `TLS cannot be served with these files: ${reason}`)
  }
}

function checkDates(view: View, path: Path, what: string, from: Date, to: Date): void {
  const now = view.loading.options.now.getTime()
  const left = to.getTime() - now
  const state =
    left <= 0
      ? 'has expired'
      : from.getTime() > now
        ? `is not valid before ${from.toISOString()}`
        : left <= warnBefore
          ? `expires within ${Math.ceil(left / day) === 1 ? 'a day' : `${Math.ceil(left / day)} days`}`
          : undefined
  if (state !== undefined) reportAt(view, 'GH1405', path, `${what} that this refers to ${state}; renew it`)
}

function unreadable(view: View, path: Path, message: string): void {
  reportAt(view, 'GH1107', path, message)
}
