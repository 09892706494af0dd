/** Texts by which what a revocations file names is looked up. */
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

/** What is revoked: by the text that it is looked up by, its place in the file as a JSON pointer. */
export type RevocationEntries = ReadonlyMap<string, string>
