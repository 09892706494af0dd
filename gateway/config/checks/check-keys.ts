import type { Key, KeySecret } from '../../../schema/config.ts'
import { maxRelated } from '../document/load-context.ts'
import { isSkipped } from '../document/locate.ts'
import type { Path } from '../document/pointer.ts'
import {
  entries,
  items,
  reportAt,
  type RelatedPath,
  type DeepPartial,
  type CheckContext,
} from './check-context.ts'
import { windowOf, type Window } from '../../values/window.ts'

const dayMs = 86_400_000
const warnBeforeMs = 14 * dayMs

/** Checks that every hash is there once: a secret must not prove two identities. */
export function checkHashes(context: CheckContext): void {
  const places = new Map<string, { path: Path; key: string }[]>()
  for (const [key, { secrets }] of entries(context.config.keys)) {
    for (const [index, { hash }] of items(secrets)) {
      if (hash === undefined) continue
      const path = ['keys', key, 'secrets', index, 'hash']
      const known = places.get(hash)
      if (known === undefined) places.set(hash, [{ path, key }])
      else known.push({ path, key })
    }
  }
  for (const list of places.values()) {
    if (list.length < 2) continue
    const same = list.every(({ key }) => key === list[0]!.key)
    const named = list.slice(0, maxRelated + 1)
    for (const place of list) reportHash(context, place, named, same)
  }
}

function reportHash(
  context: CheckContext,
  place: { path: Path; key: string },
  named: { path: Path; key: string }[],
  same: boolean,
): void {
  const others = named.filter(other => other !== place).slice(0, maxRelated)
  const related: RelatedPath[] = others.map(({ path, key }) => ({
    path,
    message: `also under key \`${key}\``,
  }))
  const explanation = same
    ? { message: 'this key has the same hash twice', help: 'remove one of them' }
    : {
        message: 'another key has the same hash',
        help: 'give each key its own secret with `gatehouse keys new`',
      }
  reportAt(context, 'GH1305', place.path, { ...explanation, related })
}

/** Checks that there is a pepper where a hash needs it. */
export function checkPepper(context: CheckContext): void {
  // A wrong `pepper` is reported already.
  if (context.config.pepper !== undefined || isSkipped(context.loadContext, context.config, ['pepper']))
    return
  for (const [key, { secrets }] of entries(context.config.keys)) {
    for (const [index, { hash }] of items(secrets)) {
      if (hash?.startsWith('hmac-sha256:') !== true) continue
      reportAt(context, 'GH1336', ['keys', key, 'secrets', index, 'hash'], {
        message: 'this hash needs a pepper, and there is none',
        help: 'add `pepper: {env: NAME}` at the top level of the main file',
      })
    }
  }
}

/** Checks that keys and secrets expire after they begin, that secrets end with their keys, and that no key expires soon. */
export function checkWindows(context: CheckContext): void {
  for (const [name, key] of entries(context.config.keys)) {
    const path: Path = ['keys', name]
    const window = readWindow(context, key, path)
    checkOrder(context, window, path, 'key')
    const secrets = items(key.secrets).map(([index, secret]) => {
      const secretPath = [...path, 'secrets', index]
      const inner = readWindow(context, secret, secretPath)
      checkOrder(context, inner, secretPath, 'secret')
      checkWithin(context, inner, window, secretPath)
      return { at: inner.ends, path: [...secretPath, 'expires'] }
    })
    if (key.disabled !== true) checkExpiry(context, { at: window.ends, path: [...path, 'expires'] }, secrets)
  }
}

/** Returns the validity window of a key or secret, without bounds that checks skip. */
function readWindow(
  context: CheckContext,
  holder: DeepPartial<Key> | DeepPartial<KeySecret>,
  path: Path,
): Window {
  const boundOf = (field: 'notBefore' | 'expires'): string | undefined => {
    return isSkipped(context.loadContext, context.config, [...path, field]) ? undefined : holder[field]
  }
  return windowOf({ notBefore: boundOf('notBefore'), expires: boundOf('expires') })
}

function checkOrder(context: CheckContext, { begins, ends }: Window, path: Path, noun: string): void {
  if (begins < ends) return
  reportAt(context, 'GH1307', [...path, 'expires'], {
    message: `this ${noun} does not expire after it begins`,
    help: 'set a later `expires`',
    related: [{ path: [...path, 'notBefore'], message: 'begins here' }],
  })
}

function checkWithin(context: CheckContext, { begins, ends }: Window, key: Window, path: Path): void {
  if (begins >= key.ends) {
    reportOutside(context, [...path, 'notBefore'], 'this secret begins after its key expires', 'expires')
  } else if (ends <= key.begins) {
    reportOutside(context, [...path, 'expires'], 'this secret expires before its key begins', 'notBefore')
  } else {
    if (ends !== Infinity && ends > key.ends)
      reportOutside(context, [...path, 'expires'], 'this secret expires after its key', 'expires')
    if (begins !== -Infinity && begins < key.begins)
      reportOutside(context, [...path, 'notBefore'], 'this secret begins before its key', 'notBefore')
  }
}

function reportOutside(
  context: CheckContext,
  path: Path,
  message: string,
  bound: 'notBefore' | 'expires',
): void {
  const place = [...path.slice(0, 2), bound]
  reportAt(context, 'GH1403', path, {
    message,
    help: `set ${bound === 'expires' ? 'a later' : 'an earlier'} \`${bound}\` on the key, or change the secret`,
    related: [{ path: place, message: `the key ${bound === 'expires' ? 'expires' : 'begins'} here` }],
  })
}

interface End {
  readonly at: number
  readonly path: Path
}

// A key expires with its last secret, even if its own `expires` is later.
function checkExpiry(context: CheckContext, own: End, secrets: readonly End[]): void {
  const last = secrets.reduce<End | undefined>((a, b) => (a !== undefined && a.at > b.at ? a : b), undefined)
  const end = last !== undefined && last.at < own.at ? last : own
  if (end.at === Infinity) return
  const left = end.at - context.loadContext.options.now.getTime()
  const whose = end === own ? 'this key' : 'the last secret of this key'
  if (left <= 0) {
    reportAt(context, 'GH1402', end.path, {
      message: `${whose} has expired`,
      help: 'renew the key, or remove it',
    })
  } else if (left <= warnBeforeMs) {
    const days = Math.ceil(left / dayMs)
    reportAt(context, 'GH1401', end.path, {
      message: `${whose} expires within ${days === 1 ? 'a day' : `${days} days`}`,
      help: 'rotate the key with `gatehouse keys rotate`',
    })
  }
}
