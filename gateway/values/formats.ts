import { isArgon2, parseArgon2 } from './argon2.ts'
import { parseFingerprint } from './fingerprint.ts'
import { parseGlob } from './glob.ts'
import { checkHost, checkHostName, checkHttpUrl, checkOrigin } from './hosts.ts'
import { MalformedError } from './malformed.ts'
import { parseNetwork } from './networks.ts'
import { parseAddress, parseDuration, parseInstant, parseSize } from './units.ts'

/** Parsers of the values of `format` in gateway.schema.json. Each throws MalformedError. */
export const formats: Readonly<Record<string, (text: string) => void>> = {
  duration: checkDuration,
  'duration-or-zero': parseDuration,
  size: checkSize,
  instant: parseInstant,
  address: parseAddress,
  origin: checkOrigin,
  host: checkHost,
  'host-name': checkHostName,
  'secret-hash': checkSecretHash,
  'endpoint-path': checkEndpointPath,
  'http-url': checkHttpUrl,
  glob: parseGlob,
  network: parseNetwork,
  'certificate-fingerprint': parseFingerprint,
}

/** Returns the error of a text that is not in this format; undefined for a text that is. */
export function whyMalformed(format: string, text: string): MalformedError | undefined {
  try {
    formats[format]?.(text)
  } catch (error) {
    if (error instanceof MalformedError) return error
    throw error
  }
  return undefined
}

function checkDuration(text: string): void {
  if (parseDuration(text) === 0) throw new MalformedError('zero', 'write a duration above zero, such as `5s`')
}

function checkSize(text: string): void {
  if (parseSize(text) === 0) throw new MalformedError('zero', 'write a size above zero, such as `1MiB`')
}

const hashAgain =
  'hash the secret again with `gatehouse keys hash`, or make a new one with `gatehouse keys new`'

/** Kinds of hashes that other programs write, by their form. */
const otherHashes: readonly (readonly [form: RegExp, kind: string])[] = [
  [/^\$2[abxy]?\$/, 'a bcrypt hash'],
  [/^\$(?:7|scrypt|y|gy)\$|^scrypt:/, 'an scrypt or yescrypt hash'],
  [/^(?:\$pbkdf2|pbkdf2)/, 'a PBKDF2 hash'],
  [/^\$[156](?:\$|,)/, 'a hash of crypt'],
  [/^\{[A-Za-z0-9-]+\}/, 'a hash of LDAP'],
  [
    /^(?:murmur(?:32|64|128)?|md5|sha-?1|sha-?(?:3-)?(?:224|384|512)|blake[23]b?)[:$=-]/i,
    'a hash of another kind',
  ],
  [/^[0-9A-Fa-f]{8}$|^[0-9A-Fa-f]{16}$/, 'a hash with 8 or 16 hex digits, such as the murmur hashes of Tyk'],
  [/^[0-9A-Fa-f]{32}$/, 'a hash with 32 hex digits, such as murmur128 or MD5'],
  [/^[0-9A-Fa-f]{40}$/, 'a hash with 40 hex digits, such as SHA-1'],
  [/^(?:[0-9A-Fa-f]{96}|[0-9A-Fa-f]{128})$/, 'a hash with 96 or 128 hex digits, such as SHA-512'],
  [/^[A-Za-z0-9+/]{43}=$|^sha-?256[:=-][A-Za-z0-9+/_-]{43}=?$/i, 'a hash in base64'],
]

function checkSecretHash(text: string): void {
  if (isArgon2(text) || text.startsWith('$argon2')) return void parseArgon2(text)
  if (/^(?:hmac-)?sha256:[0-9a-f]{64}$/.test(text)) return
  const [, kind, digits] = /^((?:hmac-)?sha256:)([0-9A-Fa-f]*)$/.exec(text) ?? []
  if (digits !== undefined && digits.length !== 64) {
    throw new MalformedError(
      `a hash with ${digits.length} hex digits`,
      `write 64 hex digits in lower case after \`${kind}\``,
    )
  }
  if (/^(?:hmac-)?sha256:[0-9a-f]{64}$/i.test(text)) {
    throw new MalformedError('a hash with capital letters', 'write all of it in lower case')
  }
  if (/^[0-9A-Fa-f]{64}$/.test(text)) {
    throw new MalformedError(
      'a hash without its kind',
      'write `sha256:` before it if it is the SHA-256 of the secret; a secret itself is leaked now and needs a new one',
    )
  }
  const other = otherHashes.find(([form]) => form.test(text))
  if (other !== undefined) throw new MalformedError(`${other[1]}, which Gatehouse cannot verify`, hashAgain)
  throw new MalformedError(
    'not a valid hash',
    'write a hash as `gatehouse keys hash` prints it: `sha256:` and 64 hex digits in lower case, for example',
  )
}

// A path is matched exactly, so upstreams, load balancers and clients must all read it in the same way.
function checkEndpointPath(text: string): void {
  const segments = text.split('/').slice(1)
  const plain = /^\/[A-Za-z0-9._~!$&'()*+,;=:@/-]*$/.test(text) && text.length <= 256
  if (!plain || (text !== '/' && segments.some(segment => ['', '.', '..'].includes(segment)))) {
    throw new MalformedError(
      'not a valid path',
      'begin the path with `/`, without a query, fragment, percent sign, empty segment, dot segment or final slash: `/mock/mcp`',
    )
  }
  if (segments[0] === '.well-known') {
    throw new MalformedError(
      'under `/.well-known`, which the gateway serves itself',
      'choose another path, such as `/mock/mcp`',
    )
  }
}
