/**
 * The URIs that a server may take a URI for: as it is written, as a URL parser normalises it (scheme in lower
 * case, dot segments resolved, surrounding spaces, tabs and line breaks gone), and the same after decoding
 * percent signs. A server that looks a resource up by any of them must not be led around a rule.
 */
export function readingsOf(uri: string): readonly string[] {
  const normal = normalised(uri)
  if (normal === uri && !uri.includes('%')) return [uri]
  return [...new Set([uri, normal, normalised(decoded(normal))])]
}

/** Undoes percent-encoding; the text itself where it is malformed. */
export function decoded(text: string): string {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function normalised(uri: string): string {
  const url = URL.parse(uri)
  if (url === null) return uri
  // The root path that a URL parser adds is not another resource.
  return url.href === `${uri}/` ? uri : url.href
}
