/** A pair of an element and what follows it. A quotation mark inside a value has a backslash in front of it. */
const pairPattern = /\s*([A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^",;\s]*))\s*([,;]|$)/y

/**
 * Parses X-Forwarded-Client-Cert of Envoy: elements separated by commas, each with `Key=value` pairs separated by semicolons.
 * Each proxy on the way appends an element about the certificate that it was presented. The last one is that of the proxy
 * that connects to the gateway, which is trusted. Anyone may have written those before it: the client, too.
 *
 * @returns the last element with its keys in lower case; undefined if any element is malformed or repeats a certificate
 */
export function lastElement(text: string): ReadonlyMap<string, string> | undefined {
  let element = new Map<string, string>()
  pairPattern.lastIndex = 0
  for (;;) {
    const pair = pairPattern.exec(text)
    if (pair === null) return undefined
    const [, name = '', quoted, bare = '', end] = pair
    const key = name.toLowerCase()
    if (element.has(key) && (key === 'cert' || key === 'chain')) return undefined
    element.set(key, quoted === undefined ? bare : quoted.replaceAll(/\\(.)/g, '$1'))
    if (end === '') return element
    if (end === ',') element = new Map()
  }
}
