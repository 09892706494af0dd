import { hasArgon2, isArgon2, isWeak, parseArgon2 } from './argon2.ts'
import { isOpaque } from './locate.ts'
import type { Path } from './pointer.ts'
import { entries, items, reportAt, type View } from './view.ts'

/** Every unknown secret has to be tried against all of them. */
const most = 16

/** What is slow to try is possible here, is slow enough, and not too much. */
export function checkArgon2(view: View): void {
  const places: { path: Path; hash: string }[] = entries(view.config.keys).flatMap(([key, { secrets }]) =>
    items(secrets).flatMap(([index, { hash }]) => {
      const path = ['keys', key, 'secrets', index, 'hash']
      const judged = hash !== undefined && isArgon2(hash) && !isOpaque(view.loading, view.config, path)
      return judged ? [{ path, hash }] : []
    }),
  )
  if (places.length > 0 && !hasArgon2()) {
    const message = `this Node, ${process.version}, cannot compute Argon2; run 24.7 or later from nodejs.org, or give the key a secret with a sha256: hash`
    reportAt(view, 'GH1346', places[0]!.path, message)
  }
  if (places.length > most) {
    const message = `this is one \`argon2id:\` hash too many: there are ${places.length}, and every unknown secret is tried against all of them. At most ${most} may stand in a configuration; give other keys random secrets with \`gatehouse keys rotate\``
    reportAt(view, 'GH1345', places[most]!.path, message)
  }
  for (const { path, hash } of places) {
    if (!isWeak(parseArgon2(hash))) continue
    const message =
      'these parameters let secrets be guessed too fast; make the hash again with `gatehouse keys hash --argon2id`, which takes m=19456,t=2,p=1'
    reportAt(view, 'GH1410', path, message)
  }
}
