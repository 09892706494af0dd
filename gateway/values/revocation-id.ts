/** Ids under which the entries of a revocations file are looked up. */
export const revocationId = {
  key: (name: string): string => `key ${name}`,
  /** @param hash as the configuration has it, or `sha256:` and the SHA-256 of the secret */
  secret: (hash: string): string => `secret ${hash}`,
  subject: (issuer: string, sub: string): string => `subject ${issuer}\0${sub}`,
  client: (issuer: string, client: string): string => `client ${issuer}\0${client}`,
  token: (issuer: string, jti: string): string => `token ${issuer}\0${jti}`,
  /** @param digest SHA-256 of the certificate, in lower-case hex */
  certificate: (digest: string): string => `certificate ${digest}`,
} as const

/** Revoked ids, with their places in the file as JSON pointers. */
export type RevocationEntries = ReadonlyMap<string, string>
