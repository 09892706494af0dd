/**
 * Returns `; did you mean …?` with the name that is nearest to what was written, or an empty text. Loads the search only
 * after a mistake.
 */
export async function didYouMean(written: string, names: readonly string[]): Promise<string> {
  const { nearest } = await import('../../config/document/suggest.ts')
  const name = nearest(written, names)
  return name === undefined ? '' : `; did you mean \`${name}\`?`
}
