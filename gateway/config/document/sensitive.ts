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

/** Names of query parameters that carry a credential if their value is long: of Azure Functions, shared access signatures and the like. */
const signatureNames: ReadonlySet<string> = new Set(['code', 'sig', 'signature', 'sas', 'pat', 'access'])
const minSignature = 16
/** Beginnings of credentials of well-known services, and of JWTs. */
const tokenBeginning =
  /^(?:gate_|sk[-_]|rk_|pk_live|gh[pousr]_|github_pat_|glpat-|xox[a-z]-|AKIA|AIza|eyJ[\w-]+\.eyJ|ntn_|lin_api_|npm_|hf_|shpat_|SG\.)/

/** Returns whether a header or query parameter looks like a credential, by its name or its value. */
export function isCredential(name: string, value: string): boolean {
  if (looksLikeCredential(name)) return true
  if (tokenBeginning.test(value) || /^(?:bearer|basic) \S/i.test(value)) return true
  return signatureNames.has(name.toLowerCase()) && value.length >= minSignature
}

const schemeBefore = /^(bearer|token|basic|api-?key|key|jwt|bot)\s+/i
const onlyVariable = /^(?:\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$([A-Z]+(?:_[A-Z0-9]+)*))$/

/**
 * Returns the reference to write instead of a text: `{env: TOKEN, scheme: Bearer}` for `Bearer ${TOKEN}`.
 *
 * @param text as it was written, perhaps in quotes
 * @param withScheme whether the reference may have a scheme, because it is the value of a header
 * @returns also whether the text is only a variable, so that the file contains no secret
 */
export function referenceFor(
  text: string,
  withScheme: boolean,
): { reference: string; name: string; isVariable: boolean } {
  const bare = text.replace(/^`?["']?/, '').replace(/["']?`?$/, '')
  const scheme = schemeBefore.exec(bare)?.[1]
  const [, braced, plain] = onlyVariable.exec(bare.replace(schemeBefore, '')) ?? []
  const name = braced ?? plain ?? 'NAME'
  const after = withScheme && scheme !== undefined ? `, scheme: ${scheme}` : ''
  return { reference: `{env: ${name}${after}}`, name, isVariable: (braced ?? plain) !== undefined }
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
