import type { DiagnosticCode, Explanation } from './document/diagnostics.ts'
import { report, type LoadContext } from './document/load-context.ts'
import { locate } from './document/locate.ts'
import { toPointer, type Path } from './document/pointer.ts'
import { helpWithName, nearest } from './document/suggest.ts'
import { parseFingerprint } from '../values/fingerprint.ts'
import { revocationId, type RevocationEntries } from '../values/revocation-id.ts'

/** Names of the configuration that a revocations file may refer to. */
export interface RevocableNames {
  readonly keys: readonly string[]
  readonly issuers: readonly string[]
  /** Hashes of secrets. */
  readonly hashes: readonly string[]
}

/** A revocations file that the schema accepts. */
export interface RevocationsContent {
  readonly keys?: readonly { readonly name: string }[]
  readonly secrets?: readonly { readonly hash: string }[]
  readonly subjects?: readonly Subject[]
  readonly tokens?: readonly { readonly issuer: string; readonly jti: string }[]
  readonly certificates?: readonly { readonly fingerprint: string }[]
}

interface Subject {
  readonly issuer: string
  readonly sub?: string
  readonly client?: string
}

/** State of one file. */
interface Collection {
  readonly loadContext: LoadContext
  readonly root: RevocationsContent
  readonly entries: Map<string, string>
}

/** Collects the entries of a revocations file, and reports those that name something unknown. */
export function collectEntries(
  loadContext: LoadContext,
  root: RevocationsContent,
  names: RevocableNames,
): RevocationEntries {
  const collection: Collection = { loadContext, root, entries: new Map() }
  const checkIssuer = nameCheck(collection, 'GH1441', names.issuers)
  collectKeys(collection, nameCheck(collection, 'GH1440', names.keys))
  collectSecrets(collection, names.hashes)
  collectSubjects(collection, checkIssuer)
  for (const [index, { issuer, jti }] of (root.tokens ?? []).entries()) {
    add(collection, revocationId.token(issuer, jti), ['tokens', index])
    checkExact(collection, jti, ['tokens', index, 'jti'])
    checkIssuer(issuer, ['tokens', index, 'issuer'])
  }
  for (const [index, { fingerprint }] of (root.certificates ?? []).entries()) {
    add(collection, revocationId.certificate(parseFingerprint(fingerprint)), ['certificates', index])
  }
  return collection.entries
}

type NameCheck = (name: string, path: Path) => void

/** Returns a function that warns of names that the configuration does not have. */
function nameCheck(collection: Collection, code: 'GH1440' | 'GH1441', names: readonly string[]): NameCheck {
  const known = new Set(names)
  return (name, path) => {
    if (known.has(name)) return
    const suggestion = nearest(name, names, collection.loadContext.suggestions)
    reportEntry(collection, code, path, {
      message: `the configuration has no ${code === 'GH1440' ? 'key' : 'issuer'} \`${name}\``,
      help: helpWithName(suggestion, names, 'remove the entry'),
      suggestion,
    })
  }
}

function collectKeys(collection: Collection, checkName: NameCheck): void {
  for (const [index, { name }] of (collection.root.keys ?? []).entries()) {
    add(collection, revocationId.key(name), ['keys', index])
    checkName(name, ['keys', index, 'name'])
  }
}

function collectSecrets(collection: Collection, names: readonly string[]): void {
  const known = new Set(names)
  const hasOtherForms = names.some(hash => !hash.startsWith('sha256:'))
  for (const [index, { hash }] of (collection.root.secrets ?? []).entries()) {
    add(collection, revocationId.secret(hash), ['secrets', index])
    // A digest may belong to a secret whose hash has another form.
    if (known.has(hash) || (hash.startsWith('sha256:') && hasOtherForms)) continue
    reportEntry(collection, 'GH1442', ['secrets', index, 'hash'], {
      message: 'no key has a secret with this hash',
      help: 'copy the hash from the configuration',
    })
  }
}

function collectSubjects(collection: Collection, checkIssuer: NameCheck): void {
  for (const [index, { issuer, sub, client }] of (collection.root.subjects ?? []).entries()) {
    const path = ['subjects', index]
    if (sub !== undefined && client === undefined) add(collection, revocationId.subject(issuer, sub), path)
    else if (client !== undefined && sub === undefined)
      add(collection, revocationId.client(issuer, client), path)
    else {
      const has = sub === undefined ? 'neither `sub` nor `client`' : 'both `sub` and `client`'
      const help = 'write `sub` for a user, or `client` for all tokens of a client'
      reportEntry(collection, 'GH1381', path, { message: `this subject has ${has}`, help })
    }
    checkIssuer(issuer, [...path, 'issuer'])
    if (sub !== undefined) checkExact(collection, sub, [...path, 'sub'])
    if (client !== undefined) checkExact(collection, client, [...path, 'client'])
  }
}

/** Warns of an entry that is written as a pattern, and would silently revoke nothing. */
function checkExact(collection: Collection, value: string, path: Path): void {
  const isPattern = /\*|^\^|\.\+/.test(value)
  if (!isPattern && value === value.trim()) return
  reportEntry(collection, 'GH1432', path, {
    message: 'this is compared character by character, so it revokes nothing else',
    help: isPattern ? 'write an entry for each value in full' : 'remove the blank at its end',
  })
}

function add({ entries }: Collection, id: string, path: Path): void {
  if (!entries.has(id)) entries.set(id, toPointer(path))
}

function reportEntry(
  { loadContext, root }: Collection,
  code: DiagnosticCode,
  path: Path,
  explanation: Explanation & { suggestion?: string | undefined },
): void {
  const { span } = locate(loadContext, root, path, 'value')
  report(loadContext, code, span, { ...explanation, path: toPointer(path) })
}
