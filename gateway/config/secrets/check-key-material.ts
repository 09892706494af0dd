import type { SecretReference } from '../../../schema/config.ts'
import type { Client } from '../checks/check-client.ts'
import { takesTokens } from '../../values/auth-type.ts'
import { algorithmsFor, readCertificates, readPrivateKey } from '../../values/pki/key-material.ts'
import type { Path } from '../document/pointer.ts'
import { entries, reportAt, type DeepPartial, type CheckContext } from '../checks/check-context.ts'

/** The content of what a reference leads to; undefined where it is absent or was refused. */
type Content = (reference: DeepPartial<SecretReference> | undefined) => string | undefined

/** Certificates and private keys that references lead to can be read, and fit each other. */
export function checkKeyMaterial(context: CheckContext, content: Content): void {
  for (const [name, { upstream }] of entries(context.config.proxies)) {
    const path: Path = ['proxies', name, 'upstream']
    const { ca, cert, key } = upstream?.tls ?? {}
    checkCertificates(context, [...path, 'tls', 'ca'], content(ca))
    const certificates = checkCertificates(context, [...path, 'tls', 'cert'], content(cert))
    const privateKey = checkKey(context, [...path, 'tls', 'key'], content(key))
    if (certificates !== undefined && privateKey !== undefined) {
      if (!certificates[0]!.checkPrivateKey(privateKey))
        reportAt(
          context,
          'GH1335',
          [...path, 'tls', 'key'],
          'this key is not that of the certificate under `cert`',
        )
    }
    checkSigning(context, upstream?.auth as Client | undefined, [...path, 'auth'], content)
  }
  for (const [name, method] of entries(context.config.auth)) {
    if (takesTokens(method))
      checkSigning(context, method.introspection, ['auth', name, 'introspection'], content)
  }
}

/** The key that the gateway proves itself with can sign a JWT, in the way that is asked for. */
function checkSigning(context: CheckContext, client: Client | undefined, path: Path, content: Content): void {
  const at = [...path, 'privateKey']
  const signing = checkKey(context, at, content(client?.privateKey))
  if (signing === undefined) return
  const algorithms = algorithmsFor(signing)
  if (algorithms.length === 0) {
    const message = 'no JWT is signed with a key like this; make one of RSA with 2048 bits, P-256 or Ed25519'
    reportAt(context, 'GH1335', at, message)
  } else if (client?.algorithm !== undefined && !algorithms.includes(client.algorithm)) {
    const message = `the private key does not sign with this; it does with ${algorithms.join(', ')}`
    reportAt(context, 'GH1335', [...path, 'algorithm'], message)
  }
}

function checkCertificates(
  context: CheckContext,
  path: Path,
  pem: string | undefined,
): ReturnType<typeof readCertificates> {
  if (pem === undefined) return undefined
  const certificates = readCertificates(pem)
  if (certificates === undefined)
    reportAt(context, 'GH1335', path, 'what this refers to is no certificate in PEM')
  return certificates
}

function checkKey(
  context: CheckContext,
  path: Path,
  pem: string | undefined,
): ReturnType<typeof readPrivateKey> {
  if (pem === undefined) return undefined
  const key = readPrivateKey(pem)
  if (key === undefined) {
    const message = 'what this refers to is no private key in PEM, or one that asks for a passphrase'
    reportAt(context, 'GH1335', path, message)
  }
  return key
}
