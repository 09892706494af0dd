import type { Handover } from '../../config/handover.ts'

/** Identity of the configuration in force. */
export type InForce = Pick<Handover, 'revision' | 'secrets'>

/**
 * Gives a configuration a revision of its own. A revision covers no secret, so it would be the same after a secret was
 * rotated. The second set of secrets of revision R in this process is R-2, the third R-3.
 *
 * @returns the configuration; with the revision in force if nothing has changed, secrets included
 */
export function nameRevision(read: Handover, { revision, secrets }: InForce): Handover {
  const [content, set = '1'] = revision.split('-')
  if (read.revision !== content) return read
  return { ...read, revision: haveSame(secrets, read.secrets) ? revision : `${content}-${Number(set) + 1}` }
}

function haveSame(known: Handover['secrets'], read: Handover['secrets']): boolean {
  return known.size === read.size && [...known].every(([name, text]) => read.get(name) === text)
}
