/**
 * Patterns for editors, which do not know the formats of Gatehouse. Each accepts every text that the format accepts, and
 * some that it refuses, such as the 30th of February. The gateway itself checks the format.
 */
const patterns: Readonly<Record<string, string>> = {
  duration: String.raw`[1-9][0-9]{0,14}(?:ms|[smhd])`,
  'duration-or-zero': String.raw`(?:0|[1-9][0-9]{0,14})(?:ms|[smhd])`,
  size: String.raw`[1-9][0-9]{0,14}(?:B|KiB|MiB|GiB)`,
  instant: String.raw`[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])(?:T(?:[01][0-9]|2[0-3])(?::[0-5][0-9]){2}(?:\.[0-9]{1,9})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9]))?`,
  address: String.raw`(?:\[[^\]]+\]|[a-z0-9_.-]+):(?:0|[1-9][0-9]{0,4})`,
  origin: String.raw`https?://(?:\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::[1-9][0-9]{0,4})?`,
  host: String.raw`(?:\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::[1-9][0-9]{0,4})?`,
  'host-name': String.raw`(?:\[[0-9a-f:.]+\]|[a-z0-9_.-]+)`,
  'http-url': String.raw`https?://(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::[1-9][0-9]{0,4})?(?:[/?][!"$-\[\]-~]*)?`,
  network: String.raw`[0-9A-Fa-f:.]+(?:/[0-9]{1,3})?`,
  'endpoint-path': String.raw`/(?:[A-Za-z0-9._~!$&'()*+,;=:@-]+(?:/[A-Za-z0-9._~!$&'()*+,;=:@-]+)*)?`,
  'certificate-fingerprint': String.raw`(?:[Ss][Hh][Aa]256(?:[: ]| [Ff][Ii][Nn][Gg][Ee][Rr][Pp][Rr][Ii][Nn][Tt]=))?(?:[0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}`,
  'secret-hash': String.raw`(?:(?:hmac-)?sha256:[0-9a-f]{64}|argon2id:\$argon2id\$v=19\$m=[0-9]{1,10},t=[0-9]{1,10},p=[0-9]{1,10}\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+)`,
}

/** An editor sees `${NAME}` or `${NAME:-default}`, the gateway sees the value of the variable. */
const variable = String.raw`\$\{`

/** Returns the pattern that stands beside a format in the schema. Throws for a format without one. */
export function patternOf(format: string): string {
  const pattern = patterns[format]
  if (pattern === undefined) throw new Error(`schema/patterns.ts has no pattern for the format ${format}`)
  return `^${pattern}$|${variable}`
}
