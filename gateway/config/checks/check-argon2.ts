import { costOf, hasArgon2, isArgon2, isWeak, parseArgon2 } from '../../values/argon2.ts'
import { find, isOpaque } from '../document/locate.ts'
import type { Path } from '../document/pointer.ts'
import { entries, items, reportAt, type CheckContext } from './check-context.ts'

/** Every unknown secret has to be tried against all of them. */
const most = 16
/** KiB of memory times passes that all hashes of a configuration may cost: 16 hashes of m=65536,t=3. */
const maxCost = 16 * 65_536 * 3
/** Part of either that one fragment may use, so that none uses up what all share. */
const fragmentShare = 4

interface Place {
  readonly path: Path
  readonly hash: string
  /** KiB of memory times passes. */
  readonly cost: number
}

/** What is slow to try is possible here, is slow enough, and not too much. */
export function checkArgon2(context: CheckContext): void {
  const places: Place[] = entries(context.config.keys).flatMap(([key, { secrets }]) =>
    items(secrets).flatMap(([index, { hash }]) => {
      const path = ['keys', key, 'secrets', index, 'hash']
      const judged =
        hash !== undefined && isArgon2(hash) && !isOpaque(context.loadContext, context.config, path)
      return judged ? [{ path, hash, cost: costOf(parseArgon2(hash)) }] : []
    }),
  )
  if (places.length > 0 && !hasArgon2()) {
    const message = `this Node, ${process.version}, cannot compute Argon2; run 24.7 or later from nodejs.org, or give the key a secret with a sha256: hash`
    reportAt(context, 'GH1346', places[0]!.path, message)
  }
  if (!checkShares(context, places)) checkTotal(context, places)
  for (const { path, hash } of places) {
    if (!isWeak(parseArgon2(hash))) continue
    const message =
      'these parameters let secrets be guessed too fast; make the hash again with `gatehouse keys hash --argon2id`, which takes m=19456,t=2,p=1'
    reportAt(context, 'GH1410', path, message)
  }
}

function checkTotal(context: CheckContext, places: readonly Place[]): void {
  if (places.length > most) {
    const message = `this is one \`argon2id:\` hash too many: there are ${places.length}, and every unknown secret is tried against all of them. At most ${most} may stand in a configuration; give other keys random secrets with \`gatehouse keys rotate\``
    reportAt(context, 'GH1345', places[most]!.path, message)
  }
  const beyond = firstBeyond(places, maxCost)
  if (beyond === undefined) return
  const message = `with this hash, trying an unknown secret costs more than m × t = ${maxCost} in total; make hashes with smaller parameters, or give keys random secrets with \`gatehouse keys rotate\``
  reportAt(context, 'GH1362', beyond.path, message)
}

/** Whether a fragment uses more than its share, which is then reported there and nowhere else. */
function checkShares(context: CheckContext, places: readonly Place[]): boolean {
  const byFragment = new Map<string, Place[]>()
  for (const place of places) {
    const file = find(context.loadContext, context.config, place.path.slice(0, 2)).entry?.source.file ?? ''
    if (!context.loadContext.fragments.has(file)) continue
    const known = byFragment.get(file)
    if (known === undefined) byFragment.set(file, [place])
    else known.push(place)
  }
  let exceeded = false
  for (const own of byFragment.values()) {
    const beyond = own[most / fragmentShare] ?? firstBeyond(own, maxCost / fragmentShare)
    if (beyond === undefined) continue
    exceeded = true
    const message = `with this hash, the fragment uses more than its share of what \`argon2id:\` hashes may cost: ${most / fragmentShare} hashes, and m × t = ${maxCost / fragmentShare} in total; give keys random secrets with \`gatehouse keys rotate\``
    reportAt(context, 'GH1362', beyond.path, message)
  }
  return exceeded
}

function firstBeyond(places: readonly Place[], limit: number): Place | undefined {
  let sum = 0
  return places.find(({ cost }) => (sum += cost) > limit)
}
