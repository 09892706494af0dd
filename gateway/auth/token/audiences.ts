/**
 * Returns the audiences that name a proxy: its public URL, with and without a slash at the end.
 *
 * @param path of the proxy
 * @param publicUrl of the gateway
 */
export function audiencesOf(path: string, publicUrl: string | undefined): string[] {
  if (publicUrl === undefined) return []
  const url = path === '/' ? publicUrl : publicUrl + path
  return [url, `${url}/`]
}
