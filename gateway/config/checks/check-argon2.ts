import { costOf, hasArgon2, isArgon2, isWeak, parseArgon2 } from '../../values/argon2.ts'
import { findEntry, isSkipped } from '../document/locate.ts'
import type { Path } from '../document/pointer.ts'
import { entries, items, reportAt, type CheckContext } from './check-context.ts'

/** Largest number of `argon2id:` hashes. Every unknown secret is verified against all of them. */
const maxHashes = 16
/** Largest cost of all hashes of a configuration, in KiB of memory times passes: 16 hashes with m=65536,t=3. */
const maxCost = maxHashes * 65_536 * 3
/** One fragment may use a quarter of either, so that it leaves some for the others. */
const fragmentShare = 4
const replaceSecrets = 'give other keys random secrets with `gatehouse keys rotate`'

interface Place {
  readonly path: Path
  readonly hash: string
  /** KiB of memory times passes. */
  readonly cost: number
}

/** Checks that this Node can verify `argon2id:` hashes, that they are strong, and that they do not cost too much. */
export function checkArgon2(context: CheckContext): void {
  const places: Place[] = entries(context.config.keys).flatMap(([key, { secrets }]) =>
    items(secrets).flatMap(([index, { hash }]) => {
      const path = ['keys', key, 'secrets', index, 'hash']
      const isChecked =
        hash !== undefined && isArgon2(hash) && !isSkipped(context.loadContext, context.config, path)
      return isChecked ? [{ path, hash, cost: costOf(parseArgon2(hash)) }] : []
    }),
  )
  if (places.length > 0 && !hasArgon2()) {
    reportAt(context, 'GH1346', places[0]!.path, {
      message: `Node ${process.version} cannot compute Argon2`,
      help: 'run Node 24.7 or later from nodejs.org, or give the key a secret with a `sha256:` hash',
    })
  }
  if (!checkShares(context, places)) checkTotal(context, places)
  for (const { path, hash } of places) {
    if (!isWeak(parseArgon2(hash))) continue
    reportAt(context, 'GH1410', path, {
      message: 'the parameters of this hash are too weak',
      help: 'make the hash again with `gatehouse keys hash --argon2id`, which uses m=19456,t=2,p=1',
    })
  }
}

function checkTotal(context: CheckContext, places: readonly Place[]): void {
  if (places.length > maxHashes) {
    reportAt(context, 'GH1345', places[maxHashes]!.path, {
      message: `there are ${places.length} \`argon2id:\` hashes, and at most ${maxHashes} are allowed`,
      help: replaceSecrets,
    })
  }
  const exceeding = firstExceeding(places, maxCost)
  if (exceeding === undefined) return
  reportAt(context, 'GH1362', exceeding.path, {
    message: `with this hash, all \`argon2id:\` hashes cost more than m × t = ${maxCost} in total`,
    help: `use smaller parameters, or ${replaceSecrets}`,
  })
}

/** Reports fragments that use more than their share. Returns whether there are any. */
function checkShares(context: CheckContext, places: readonly Place[]): boolean {
  const byFragment = new Map<string, Place[]>()
  for (const place of places) {
    const file =
      findEntry(context.loadContext, context.config, place.path.slice(0, 2)).entry?.source.file ?? ''
    if (!context.loadContext.fragments.has(file)) continue
    const known = byFragment.get(file)
    if (known === undefined) byFragment.set(file, [place])
    else known.push(place)
  }
  let exceeded = false
  for (const own of byFragment.values()) {
    const exceeding = own[maxHashes / fragmentShare] ?? firstExceeding(own, maxCost / fragmentShare)
    if (exceeding === undefined) continue
    exceeded = true
    reportAt(context, 'GH1362', exceeding.path, {
      message: `with this hash, the fragment has more than ${maxHashes / fragmentShare} \`argon2id:\` hashes, or they cost more than m × t = ${maxCost / fragmentShare}`,
      help: replaceSecrets,
    })
  }
  return exceeded
}

function firstExceeding(places: readonly Place[], limit: number): Place | undefined {
  let sum = 0
  return places.find(({ cost }) => (sum += cost) > limit)
}
