import { isArgon2, parseArgon2 } from './argon2.ts'
import { parseFingerprint } from './fingerprint.ts'
import { parseGlob } from './glob.ts'
import { checkHost, checkHostName, checkHttpUrl, checkOrigin } from './hosts.ts'
import { MalformedError } from './malformed.ts'
import { parseNetwork } from './networks.ts'
import { parseAddress, parseDuration, parseInstant, parseSize } from './units.ts'

/** What `format` means in gateway.schema.json: each throws MalformedError. */
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

/** Why this text is not of that format, as a clause for a message; undefined when it is. */
export function whyMalformed(format: string, text: string): string | undefined {
  try {
    formats[format]?.(text)
  } catch (error) {
    if (error instanceof MalformedError) return error.message
    throw error
  }
  return undefined
}

function checkDuration(text: string): void {
  if (parseDuration(text) === 0) throw new MalformedError('this has to be longer than nothing, such as 5s')
}

function checkSize(text: string): void {
  if (parseSize(text) === 0) throw new MalformedError('this has to be more than nothing, such as 1MiB')
}

function checkSecretHash(text: string): void {
  if (isArgon2(text) || text.startsWith('$argon2')) return void parseArgon2(text)
  if (/^(?:hmac-)?sha256:[0-9a-f]{64}$/.test(text)) return
  const [, kind, digits] = /^((?:hmac-)?sha256:)([0-9A-Fa-f]*)$/.exec(text) ?? []
  if (digits !== undefined && digits.length !== 64) {
    throw new MalformedError(`after ${kind} stand 64 hex digits, and here are ${digits.length}`)
  }
  throw new MalformedError(
    'a hash is sha256: or hmac-sha256: and 64 hex digits in lower case, or argon2id: and a PHC string, as `gatehouse keys hash` prints it',
  )
}

// What an upstream, a load balancer or a client could read in two ways is no path to match exactly.
function checkEndpointPath(text: string): void {
  const segments = text.split('/').slice(1)
  const plain = /^\/[A-Za-z0-9._~!$&'()*+,;=:@/-]*$/.test(text) && text.length <= 256
  if (!plain || (text !== '/' && segments.some(segment => ['', '.', '..'].includes(segment)))) {
    throw new MalformedError(
      'a path begins with / and has no query, fragment, percent sign, empty or dot segment, nor a slash at its end, such as /mock/mcp',
    )
  }
  if (segments[0] === '.well-known')
    throw new MalformedError('paths under /.well-known are served by the gateway itself')
}
