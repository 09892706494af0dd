/** Largest secret, in bytes. */
export const maxSecretBytes = 4096
/** Shortest secret that cannot be found by trying, in characters. */
export const minLength = 32

/** Returns why a text cannot be a secret: a client could not send it, or it was not meant as it is. */
export function whyUnfit(secret: string): string | undefined {
  if (secret.startsWith('\ufeff'))
    return 'the secret begins with a byte order mark (BOM); save the file as UTF-8 without BOM'
  if (Buffer.byteLength(secret) > maxSecretBytes) return 'a secret must be at most 4 KiB'
  if (/[\r\n]/.test(secret)) return 'a secret must be one line, and there are several'
  if (/^\s|\s$/u.test(secret)) return 'the secret begins or ends with a blank; remove it'
  if (/\p{Cc}/u.test(secret)) return 'a secret must not contain control characters'
  return undefined
}
