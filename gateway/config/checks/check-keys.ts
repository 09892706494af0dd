import type { Key, KeySecret } from '../../../schema/config.ts'
import { maxRelated } from '../document/load-context.ts'
import { isOpaque } from '../document/locate.ts'
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

const day = 86_400_000
const warnBefore = 14 * day

/** No secret proves two identities, nor one identity twice. */
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
    message: `and here, under key \`${key}\``,
  }))
  const message = same
    ? 'this hash stands under the key twice; take one out'
    : `this hash stands under another key too, so that its secret would not tell who presents it; give every key a secret of its own`
  reportAt(context, 'GH1305', place.path, message, { related })
}

/** Hashes that are made with a pepper are of no use without it. */
export function checkPepper(context: CheckContext): void {
  // What the schema refused is reported already.
  if (context.config.pepper !== undefined || isOpaque(context.loadContext, context.config, ['pepper'])) return
  for (const [key, { secrets }] of entries(context.config.keys)) {
    for (const [index, { hash }] of items(secrets)) {
      if (hash?.startsWith('hmac-sha256:') !== true) continue
      const message =
        'this hash is made with a pepper; write at the top level where it is: `pepper: {env: NAME}`'
      reportAt(context, 'GH1336', ['keys', key, 'secrets', index, 'hash'], message)
    }
  }
}

/** Windows of validity begin before they end, secrets live within their keys, and expiry is announced. */
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

/** The window that a holder states, as far as it can be judged. */
function readWindow(
  context: CheckContext,
  holder: DeepPartial<Key> | DeepPartial<KeySecret>,
  path: Path,
): Window {
  const judged = (field: 'notBefore' | 'expires'): string | undefined => {
    return isOpaque(context.loadContext, context.config, [...path, field]) ? undefined : holder[field]
  }
  return windowOf({ notBefore: judged('notBefore'), expires: judged('expires') })
}

function checkOrder(context: CheckContext, { begins, ends }: Window, path: Path, noun: string): void {
  if (begins < ends) return
  const related = [{ path: [...path, 'notBefore'], message: 'it begins here' }]
  reportAt(
    context,
    'GH1307',
    [...path, 'expires'],
    `the ${noun} expires before it begins, or as it does; set a later \`expires\``,
    { related },
  )
}

function checkWithin(context: CheckContext, { begins, ends }: Window, key: Window, path: Path): void {
  if (begins >= key.ends) {
    outside(context, [...path, 'notBefore'], 'the secret begins when its key has expired', 'expires')
  } else if (ends <= key.begins) {
    outside(context, [...path, 'expires'], 'the secret expires before its key begins', 'notBefore')
  } else {
    if (ends !== Infinity && ends > key.ends) {
      outside(
        context,
        [...path, 'expires'],
        'the secret would outlive its key, which expires earlier',
        'expires',
      )
    }
    if (begins !== -Infinity && begins < key.begins) {
      outside(
        context,
        [...path, 'notBefore'],
        'the secret would begin before its key, which begins later',
        'notBefore',
      )
    }
  }
}

function outside(context: CheckContext, path: Path, message: string, bound: 'notBefore' | 'expires'): void {
  const place = [...path.slice(0, 2), bound]
  const related = [{ path: place, message: `the key ${bound === 'expires' ? 'expires' : 'begins'} here` }]
  reportAt(context, 'GH1403', path, message, { related })
}

interface End {
  readonly at: number
  readonly path: Path
}

// A key ends with its last secret, whatever it says itself.
function checkExpiry(context: CheckContext, own: End, secrets: readonly End[]): void {
  const last = secrets.reduce<End | undefined>((a, b) => (a !== undefined && a.at > b.at ? a : b), undefined)
  const end = last !== undefined && last.at < own.at ? last : own
  if (end.at === Infinity) return
  const left = end.at - context.loadContext.options.now.getTime()
  const whose = end === own ? 'this key' : 'the last secret of this key'
  if (left <= 0)
    reportAt(context, 'GH1402', end.path, `${whose} has expired and is refused; renew it, or take it out`)
  else if (left <= warnBefore) {
    const days = Math.ceil(left / day)
    reportAt(
      context,
      'GH1401',
      end.path,
      `${whose} expires within ${days === 1 ? 'a day' : `${days} days`}; rotate it now`,
    )
  }
}
