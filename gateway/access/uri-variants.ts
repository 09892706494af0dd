import { formsOf } from './uri-forms.ts'
import { textOf } from './uri-parts.ts'
import { rewritesOf } from './uri-rewrites.ts'

/** A spelling under which some server may look up a URI. */
export interface UriVariant {
  readonly text: string
  /** Set if a part was left out or changed: the variant before that, and how much of it a rule must spell out to allow it. */
  readonly from?: { readonly text: string; readonly length: number }
}

/** Largest number of variants of one URI, and of UTF-16 code units in all of them: all are matched with every rule. */
const maxVariants = 64
const maxUnits = 65_536

/** Texts that every parser reads alike: there are no escapes, dot segments, separators or capitals to interpret. */
const plain =
  /^(?!(?:https?|wss?|ftp|file):)[a-z][a-z0-9+.-]*:(?:\/\/[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|[\w~!$&'()*+,=:-][\w.~!$&'()*+,=:-]*)(?:\/(?![./])[\w.~!$&'()*+,=:-]+)*$/
const plainFile = /^file:\/\/(?:\/(?![./])[\w.~!$&'()*+,=:-]+)+$/

/**
 * Returns every variant of a URI: as written, as URL parsers normalize it, decoded once or more, and with and without
 * the parts that servers ignore. The first is the URI itself. Time and number are bounded.
 *
 * @returns undefined for a URI that is too ambiguous to judge: it has escapes that are not UTF-8, control characters,
 *   `%u0041`, or too many variants
 */
export function variantsOf(uri: string): readonly UriVariant[] | undefined {
  if (isPlain(uri)) return [{ text: uri }]
  const forms = formsOf(uri, maxUnits)
  if (forms === undefined) return undefined
  const variants = new Map<string, UriVariant>([[uri, { text: uri }]])
  for (const form of forms) {
    const text = textOf(form)
    if (!variants.has(text)) variants.set(text, { text })
  }
  for (const form of forms) {
    for (const { parts, from, length } of rewritesOf(form, textOf(form))) {
      const text = textOf(parts)
      if (!variants.has(text)) variants.set(text, { text, from: { text: from, length } })
    }
  }
  let units = 0
  for (const { text } of variants.values()) units += text.length
  return variants.size > maxVariants || units > maxUnits ? undefined : [...variants.values()]
}

/** Returns whether a URI has only one variant, so that judging it is cheap. */
export function isPlain(uri: string): boolean {
  return plain.test(uri) || (plainFile.test(uri) && !/:$|\|/.test(uri))
}
