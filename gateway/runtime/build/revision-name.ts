import type { Handover } from '../../config/handover.ts'

/** What is remembered of a configuration that is in force. */
export type InForce = Pick<Handover, 'revision' | 'secrets'>

/**
 * Names what was read after what is in force: a revision covers no secret, and so would be the same after one of them was
 * rotated. The second set of secrets of revision R in this process is R-2, the third R-3.
 *
 * @returns what was read; with the revision in force where nothing changed, secrets included
 */
export function nameRevision(read: Handover, { revision, secrets }: InForce): Handover {
  const [content, set = '1'] = revision.split('-')
  if (read.revision !== content) return read
  return { ...read, revision: haveSame(secrets, read.secrets) ? revision : `${content}-${Number(set) + 1}` }
}

function haveSame(known: Handover['secrets'], read: Handover['secrets']): boolean {
  return known.size === read.size && [...known].every(([name, text]) => read.get(name) === text)
}
