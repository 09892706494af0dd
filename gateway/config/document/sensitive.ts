import { isCollection, visit, type Node } from 'yaml'
import type { LoadContext } from './load-context.ts'
import { findEntry } from './locate.ts'
import type { Path } from './pointer.ts'
import type { Source } from './source.ts'

/** Matches a Gatehouse key in clear, even if it is cut or mistyped. */
export const clearKey: RegExp = /gate_[0-9A-Za-z_]{8,}/

const credentialWord =
  /(?:keys?|tokens?|secrets?|passwords?|passwd|pwd|passphrase|auth|authentication|authorization|credentials?|cookies?|jwt|bearer|session)$/

/** Returns whether the name of a header or field suggests that its value is a secret. */
export function looksLikeCredential(name: string): boolean {
  const words = name.replaceAll(/([a-z0-9])([A-Z])/g, '$1-$2').toLowerCase()
  return words.split(/[^a-z0-9]+/).some(word => credentialWord.test(word))
}

/** Hides the value at a path in code frames. */
export function redact(loadContext: LoadContext, root: unknown, path: Path): void {
  const { entry, exact } = findEntry(loadContext, root, path)
  if (!exact || entry?.value == null) return
  const { source, value } = entry
  const hide = ({ range }: Node) => {
    if (range != null) loadContext.redactions.push({ source, start: range[0], end: range[1] })
  }
  if (isCollection(value)) visit(value, { Scalar: (part, node) => (part === 'key' ? undefined : hide(node)) })
  else hide(value)
}

/** Returns the text of every file. Asterisks replace each character of a secret in clear. */
export function redactedSources(loadContext: LoadContext): Map<string, string> {
  const texts = new Map<string, string>()
  for (const [file, source] of loadContext.files.sources) texts.set(file, redactSource(loadContext, source))
  return texts
}

function redactSource({ redactions }: LoadContext, source: Source): string {
  const pieces: string[] = []
  let at = 0
  const ranges = redactions.filter(one => one.source === source).toSorted((a, b) => a.start - b.start)
  for (const { start, end } of ranges) {
    if (end <= at) continue
    const begin = Math.max(start, at)
    pieces.push(source.text.slice(at, begin), source.text.slice(begin, end).replaceAll(/[^\r\n]/g, '*'))
    at = end
  }
  const text = pieces.join('') + source.text.slice(at)
  return text.replaceAll(new RegExp(clearKey, 'g'), key => '*'.repeat(key.length))
}
