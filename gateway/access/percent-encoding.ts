/** Decodes percent-encoding once. Malformed escapes, and escapes that are not UTF-8, stay as they are. */
export function decoded(text: string): string {
  if (!text.includes('%')) return text
  return text.replaceAll(/(?:%[0-9a-f]{2})+/gi, run => decodedRun(run) ?? run)
}

/** Decodes a run of escapes; undefined if it is not UTF-8. */
export function decodedRun(run: string): string | undefined {
  try {
    return decodeURIComponent(run)
  } catch {
    return undefined
  }
}
