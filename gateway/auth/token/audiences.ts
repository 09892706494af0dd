/**
 * Returns the audiences that name a proxy: its public URL; for a whole host, with and without the slash.
 *
 * @param path of the proxy
 * @param publicUrl of the gateway
 */
export function audiencesOf(path: string, publicUrl: string | undefined): string[] {
  if (publicUrl === undefined) return []
  return path === '/' ? [publicUrl, `${publicUrl}/`] : [publicUrl + path]
}
