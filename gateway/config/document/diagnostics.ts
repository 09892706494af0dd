/**
 * Diagnostics by code. A code never changes its meaning. 10xx is about reading and YAML, 11xx about references to the
 * environment and to files, 12xx about the schema, 13xx about cross-references; 14xx are warnings. 20xx are advice, and
 * 21xx notes, of `gatehouse lint`.
 */
export const diagnosticCodes = {
  GH1001: { name: 'file-unreadable', summary: 'A file cannot be read.' },
  GH1002: { name: 'file-too-large', summary: 'A file is larger than 16 MiB.' },
  GH1003: { name: 'file-not-text', summary: 'A file is not UTF-8 text, or contains control characters.' },
  GH1004: { name: 'yaml-syntax', summary: 'A file is not YAML 1.2.' },
  GH1005: { name: 'duplicate-key', summary: 'A key is in a map twice.' },
  GH1006: { name: 'several-documents', summary: 'A file contains more than one YAML document.' },
  GH1007: { name: 'unknown-anchor', summary: 'An alias names an anchor that is not above it.' },
  GH1008: {
    name: 'yaml-too-big',
    summary: 'Aliases expand to too much or to themselves, or nesting is too deep.',
  },
  GH1009: { name: 'merge-key', summary: 'A map uses the merge key `<<`, which YAML 1.2 does not have.' },
  GH1010: { name: 'yaml-tag', summary: 'A value has a tag that is not in the YAML core schema.' },
  GH1011: { name: 'key-not-text', summary: 'A key of a map is not text, or is `__proto__`.' },
  GH1012: { name: 'file-empty', summary: 'A file is empty.' },
  GH1013: { name: 'include-missing', summary: 'An included file does not exist or cannot be read.' },
  GH1014: { name: 'include-twice', summary: 'A file is included twice, or includes itself.' },
  GH1015: {
    name: 'fragment-block',
    summary: 'A fragment contains a block that only the main file may hold.',
  },
  GH1016: { name: 'fragment-include', summary: 'A fragment includes other fragments.' },
  GH1017: { name: 'name-declared-twice', summary: 'Two files declare the same name.' },
  GH1018: { name: 'fragment-name', summary: 'A fragment declares a name that it does not own.' },
  GH1019: {
    name: 'fragment-reach',
    summary: 'A role of a fragment grants access to a proxy that the fragment does not own.',
  },
  GH1020: { name: 'fragment-role', summary: 'A fragment gives a role that is not its own.' },
  GH1021: {
    name: 'fragment-auth',
    summary: 'A proxy of a fragment uses an auth method of another fragment.',
  },
  GH1022: {
    name: 'fragment-variable',
    summary: 'A fragment uses an environment variable that it may not use.',
  },
  GH1023: { name: 'fragment-file', summary: 'A fragment uses a file that it may not use.' },
  GH1024: { name: 'fragment-host', summary: 'A fragment names a host that it may not reach.' },
  GH1025: {
    name: 'fragment-token-endpoint',
    summary: 'A fragment names an endpoint that receives tokens of callers.',
  },
  GH1026: { name: 'system-file', summary: 'A path leads to /proc, /sys or /dev.' },
  GH1027: {
    name: 'file-outside',
    summary: 'A fragment refers to a file outside the folder of the main file.',
  },
  GH1028: {
    name: 'include-link',
    summary: 'A pattern of `include` matches a link that leads out of the folder.',
  },
  GH1029: { name: 'fragment-alone', summary: 'A fragment is loaded as if it were the main file.' },
  GH1031: { name: 'revocations-unreadable', summary: 'The revocations file cannot be read.' },
  GH1101: { name: 'variable-missing', summary: 'A `${NAME}` names an environment variable that is not set.' },
  GH1102: { name: 'variable-malformed', summary: 'A `${` does not begin a variable.' },
  GH1103: {
    name: 'secret-variable-missing',
    summary: 'The environment variable of a secret is not set, or empty.',
  },
  GH1104: {
    name: 'secret-file-unreadable',
    summary: 'The file of a secret or key set cannot be read, is empty or is not text.',
  },
  GH1105: { name: 'session-secret-short', summary: 'The session secret has fewer than 32 characters.' },
  GH1106: {
    name: 'key-set-malformed',
    summary: 'The file of a key set contains no key that can verify signatures.',
  },
  GH1107: {
    name: 'certificate-unreadable',
    summary: 'A certificate, private key or revocation list cannot be used for TLS.',
  },
  GH1108: { name: 'certificate-key-mismatch', summary: 'A private key does not belong to the certificate.' },
  GH1109: { name: 'pepper-short', summary: 'The pepper has fewer than 32 characters.' },
  GH1110: { name: 'proxy-url', summary: 'A secret is not the URL of an HTTP proxy.' },
  GH1201: { name: 'unknown-field', summary: 'A field does not exist at this place.' },
  GH1202: { name: 'missing-field', summary: 'A required field is missing.' },
  GH1203: { name: 'wrong-type', summary: 'A value has another type than its field.' },
  GH1204: { name: 'unknown-value', summary: 'A value is not one of those that its field accepts.' },
  GH1205: {
    name: 'malformed-value',
    summary: 'A duration, size, instant, address, URL or the like is malformed.',
  },
  GH1206: { name: 'malformed-name', summary: 'A name contains characters that names do not have.' },
  GH1207: { name: 'malformed-hash', summary: 'The hash of a secret is malformed.' },
  GH1208: {
    name: 'secret-in-clear',
    summary: 'A secret is in the file, instead of a hash or a reference.',
  },
  GH1209: { name: 'unknown-version', summary: 'This program does not know that version of the format.' },
  GH1210: { name: 'wrong-count', summary: 'A list, map or text is too short or too long.' },
  GH1211: { name: 'repeated-item', summary: 'A list contains an item twice.' },
  GH1212: { name: 'reference-source', summary: 'A reference names no source, or more than one.' },
  GH1301: { name: 'unknown-role', summary: 'There is no role with this name.' },
  GH1302: { name: 'unknown-proxy', summary: 'There is no proxy with this name.' },
  GH1303: { name: 'unknown-auth-method', summary: 'There is no auth method with this name.' },
  GH1304: { name: 'duplicate-path', summary: 'Two proxies have the same path.' },
  GH1305: {
    name: 'duplicate-hash',
    summary: 'A hash is there twice, so its secret does not identify one key.',
  },
  GH1306: { name: 'malformed-glob', summary: 'A pattern is malformed.' },
  GH1307: { name: 'window-backwards', summary: 'A key or secret expires before it begins.' },
  GH1308: {
    name: 'credential-literal',
    summary: 'The literal value of a header or query parameter looks like a credential.',
  },
  GH1309: {
    name: 'header-refused',
    summary: 'The gateway or the client sets this header; the configuration must not.',
  },
  GH1310: { name: 'duplicate-header', summary: 'Two headers have the same name; case does not matter.' },
  GH1311: {
    name: 'header-value',
    summary: 'The value of a header contains characters that no header can carry.',
  },
  GH1312: { name: 'scheme-outside-header', summary: 'A cookie or query parameter has a scheme.' },
  GH1313: {
    name: 'ambiguous-auth-methods',
    summary: 'Two auth methods of a proxy read the same credential, or have the same issuer.',
  },
  GH1314: {
    name: 'client-ca-missing',
    summary: 'Client certificates are used, but there is no CA to verify them.',
  },
  GH1318: {
    name: 'restart-required',
    summary: 'A running gateway cannot apply a change without a restart.',
  },
  GH1319: { name: 'same-address', summary: 'Both listeners need the same port.' },
  GH1330: { name: 'audience-unknown', summary: "The audience of a proxy's tokens is not known." },
  GH1331: { name: 'query-in-url', summary: 'A query parameter is in the URL of the upstream too.' },
  GH1332: {
    name: 'client-proof',
    summary: 'The gateway has no credentials, or two, for an authorization server.',
  },
  GH1333: {
    name: 'token-url-insecure',
    summary: 'The URL of an authorization server does not begin with https://.',
  },
  GH1334: { name: 'authorization-twice', summary: 'An upstream has an Authorization header and `auth`.' },
  GH1335: { name: 'key-material', summary: 'A certificate or a private key cannot be used.' },
  GH1336: { name: 'pepper-missing', summary: 'A hash needs a pepper, and the file names none.' },
  GH1337: {
    name: 'exchange-without-token',
    summary: "An upstream exchanges the caller's token, but callers have no token.",
  },
  GH1338: { name: 'issuer-and-token-url', summary: 'An upstream has an issuer and a token endpoint.' },
  GH1340: {
    name: 'resource-unknown',
    summary: 'Clients need the URL of a proxy, and it is not known.',
  },
  GH1341: { name: 'scopes-without-tokens', summary: 'A proxy asks for scopes, but accepts no tokens.' },
  GH1345: { name: 'slow-hashes', summary: 'There are more than 16 `argon2id:` hashes.' },
  GH1346: { name: 'argon2-missing', summary: 'This Node cannot compute `argon2id:` hashes.' },
  GH1350: {
    name: 'foreign-pattern',
    summary: 'A pattern that denies is written in another language, and denies nothing.',
  },
  GH1360: {
    name: 'own-secret-sent',
    summary: 'A secret that only the gateway may use would be sent elsewhere.',
  },
  GH1361: { name: 'max-body-ceiling', summary: 'A proxy accepts bodies of more than 64 MiB.' },
  GH1362: {
    name: 'slow-hashes-cost',
    summary: 'The `argon2id:` hashes cost too much, in total or in one fragment.',
  },
  GH1380: { name: 'revocations-path', summary: 'The revocations file is not a file of its own.' },
  GH1381: {
    name: 'revoked-subject',
    summary: 'A revoked subject has neither `sub` nor `client`, or both.',
  },
  GH1395: {
    name: 'forward-refused',
    summary: 'A header in `forwardHeaders` is never or always forwarded.',
  },
  GH1401: { name: 'expires-soon', summary: 'A key expires within 14 days.' },
  GH1402: { name: 'expired', summary: 'A key has expired, or all of its secrets have.' },
  GH1403: { name: 'secret-outside-key', summary: "The secret's dates reach outside its key's." },
  GH1404: { name: 'include-matches-nothing', summary: 'No file matches a pattern of `include`.' },
  GH1405: {
    name: 'certificate-expires',
    summary: 'A certificate or revocation list is not valid now, or expires within 14 days.',
  },
  GH1406: { name: 'unused-auth-method', summary: 'No proxy accepts an auth method.' },
  GH1410: { name: 'weak-hash', summary: 'An `argon2id:` hash is too weak.' },
  GH1420: { name: 'key-without-expiry', summary: 'A key never expires.' },
  GH1421: {
    name: 'ignore-malformed',
    summary: 'A `gatehouse-ignore` comment is malformed and ignores nothing.',
  },
  GH1430: {
    name: 'pattern-in-doubt',
    summary: 'A pattern is written in another language, and probably matches nothing.',
  },
  GH1432: {
    name: 'exact-value',
    summary: 'A value that is compared character by character contains a wildcard or a placeholder.',
  },
  GH1433: { name: 'claim-unknown', summary: 'No token can have a claim of this name.' },
  GH1434: { name: 'role-without-allow', summary: 'A role names a kind, but allows nothing of it.' },
  GH1435: { name: 'proxy-without-callers', summary: 'Nobody can get in at a proxy.' },
  GH1440: { name: 'revoked-key-unknown', summary: 'A revoked key does not exist.' },
  GH1441: {
    name: 'revoked-issuer-unknown',
    summary: 'A revoked subject or token has an issuer that no auth method accepts.',
  },
  GH1442: { name: 'revoked-secret-unknown', summary: 'No key has a revoked secret.' },
  GH2001: { name: 'long-overlap', summary: 'Two secrets of a key are both valid for more than 30 days.' },
  GH2002: { name: 'unreachable-proxy', summary: 'No role grants access to a proxy.' },
  GH2003: { name: 'shadowed-allow', summary: 'A pattern in a role allows nothing.' },
  GH2004: { name: 'grant-to-everybody', summary: 'A grant fits every token or certificate.' },
  GH2005: {
    name: 'open-to-the-network',
    summary: 'Other machines can reach a proxy that asks for no credential.',
  },
  GH2006: {
    name: 'listener-in-clear',
    summary: 'Other machines send credentials without TLS, as far as the file says.',
  },
  GH2007: { name: 'public-url-in-clear', summary: 'Clients send credentials to the public URL without TLS.' },
  GH2008: {
    name: 'upstream-in-clear',
    summary: 'The connection to an upstream on a public network has no TLS.',
  },
  GH2009: { name: 'trust-in-clear', summary: 'The keys that verify tokens come without TLS.' },
  GH2010: { name: 'key-in-query', summary: 'Keys are part of the URL.' },
  GH2011: {
    name: 'method-without-grants',
    summary: 'An auth method accepts tokens, but grants them nothing.',
  },
  GH2012: {
    name: 'ignore-unused',
    summary: 'A `gatehouse-ignore` comment names a code that is not found there.',
  },
  GH2020: { name: 'methods-unknown', summary: 'A rule allows methods that Gatehouse does not know.' },
  GH2021: { name: 'methods-unmatched', summary: 'A rule denies methods, but no method of MCP matches it.' },
  GH2025: {
    name: 'fragment-unlimited',
    summary: 'One of several fragments may declare and refer to anything.',
  },
  GH2030: { name: 'upstream-endpoint', summary: 'The URL of an upstream is probably not its MCP endpoint.' },
  GH2031: {
    name: 'authorization-without-scheme',
    summary: 'An Authorization header for an upstream has no scheme.',
  },
  GH2032: { name: 'resource-refused', summary: 'Microsoft Entra refuses a `resource` beside a scope.' },
  GH2101: { name: 'unused-role', summary: 'Nobody holds a role.' },
  GH2102: { name: 'all-tools-everywhere', summary: 'A role allows every tool of every proxy.' },
  GH2103: { name: 'admin-exposed', summary: 'Other machines can reach the admin listener.' },
  GH2104: {
    name: 'wide-clock-skew',
    summary: 'Tokens are accepted for more than 5 minutes after they expire.',
  },
  GH2105: { name: 'sessions-end', summary: 'A restart ends all sessions and tasks of clients.' },
} as const satisfies Record<string, { name: string; summary: string }>

export type DiagnosticCode = keyof typeof diagnosticCodes

/** A range of a file. Lines and columns count from 1, columns in UTF-16 code units; the end is exclusive. */
export interface Span {
  file: string
  line: number
  column: number
  endLine: number
  endColumn: number
}

/** The text of a diagnostic. Neither part holds a secret or the value of a variable. */
export interface Explanation {
  /** One clause that says what is wrong, with the value as it was written. */
  readonly message: string
  /** One imperative clause that says what to do, or the name that was probably meant. */
  readonly help: string
}

export interface Diagnostic extends Span, Explanation {
  code: DiagnosticCode
  severity: 'error' | 'warning' | 'info'
  /** JSON pointer into the configuration; empty for none. */
  path: string
  /** The text to write instead of a misspelled one. */
  suggestion?: string
  related?: { file: string; line: number; column: number; message: string }[]
}

/** Returns the severity of a code: 14xx and 20xx warn and 21xx note, and a configuration with them is valid. */
export function severityOf(code: DiagnosticCode): Diagnostic['severity'] {
  if (code.startsWith('GH21')) return 'info'
  return code.startsWith('GH14') || code.startsWith('GH20') ? 'warning' : 'error'
}
