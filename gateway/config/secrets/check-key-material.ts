import type { SecretReference } from '../../../schema/config.ts'
import type { Client } from '../checks/check-client.ts'
import { takesTokens } from '../../values/auth-type.ts'
import { algorithmsFor, readCertificates, readPrivateKey } from '../../values/pki/key-material.ts'
import type { Path } from '../document/pointer.ts'
import { entries, reportAt, type DeepPartial, type CheckContext } from '../checks/check-context.ts'

/** Returns the content behind a reference; undefined if it is absent or refused. */
type Content = (reference: DeepPartial<SecretReference> | undefined) => string | undefined

/** Checks the certificates and private keys of upstreams and OAuth clients: they can be read, and belong together. */
export function checkKeyMaterial(context: CheckContext, content: Content): void {
  for (const [name, { upstream }] of entries(context.config.proxies)) {
    const path: Path = ['proxies', name, 'upstream']
    const { ca, cert, key } = upstream?.tls ?? {}
    checkCertificates(context, [...path, 'tls', 'ca'], content(ca))
    const certificates = checkCertificates(context, [...path, 'tls', 'cert'], content(cert))
    const privateKey = checkPrivateKey(context, [...path, 'tls', 'key'], content(key))
    if (certificates !== undefined && privateKey !== undefined) {
      if (!certificates[0]!.checkPrivateKey(privateKey))
        reportAt(context, 'GH1335', [...path, 'tls', 'key'], {
          message: 'this private key does not belong to the certificate under `cert`',
          help: 'use the certificate and the key of one pair',
        })
    }
    checkSigning(context, upstream?.auth as Client | undefined, [...path, 'auth'], content)
  }
  for (const [name, method] of entries(context.config.auth)) {
    if (takesTokens(method))
      checkSigning(context, method.introspection, ['auth', name, 'introspection'], content)
  }
}

/** Checks that the private key of an OAuth client can sign a JWT with the configured algorithm. */
function checkSigning(context: CheckContext, client: Client | undefined, path: Path, content: Content): void {
  const at = [...path, 'privateKey']
  const signing = checkPrivateKey(context, at, content(client?.privateKey))
  if (signing === undefined) return
  const algorithms = algorithmsFor(signing)
  if (algorithms.length === 0) {
    reportAt(context, 'GH1335', at, {
      message: 'a key of this kind cannot sign a JWT',
      help: 'make an RSA key with 2048 bits, a P-256 key or an Ed25519 key',
    })
  } else if (client?.algorithm !== undefined && !algorithms.includes(client.algorithm)) {
    reportAt(context, 'GH1335', [...path, 'algorithm'], {
      message: 'the private key cannot sign with this algorithm',
      help: `use ${algorithms.map(one => `\`${one}\``).join(' or ')}`,
    })
  }
}

function checkCertificates(
  context: CheckContext,
  path: Path,
  pem: string | undefined,
): ReturnType<typeof readCertificates> {
  if (pem === undefined) return undefined
  const certificates = readCertificates(pem)
  if (certificates === undefined) {
    reportAt(context, 'GH1335', path, {
      message: 'this is not a certificate in PEM',
      help: 'use a file that begins with `-----BEGIN CERTIFICATE-----`',
    })
  }
  return certificates
}

function checkPrivateKey(
  context: CheckContext,
  path: Path,
  pem: string | undefined,
): ReturnType<typeof readPrivateKey> {
  if (pem === undefined) return undefined
  const key = readPrivateKey(pem)
  if (key === undefined) {
    reportAt(context, 'GH1335', path, {
      message: 'this is not a private key in PEM, or it has a passphrase',
      help: 'use a file that begins with `-----BEGIN PRIVATE KEY-----`',
    })
  }
  return key
}
