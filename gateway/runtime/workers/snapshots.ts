import { createRevocations, noRevocations } from '../../auth/revocations.ts'
import type { Handover } from '../../config/handover.ts'
import type { BuiltSnapshot } from '../build/build.ts'
import type { RevocationEntries } from '../../values/revocation-id.ts'

/** Puts revisions into force, in two steps, and revocations. */
export interface Revisions {
  /** Builds the snapshot of a revision. If it rejects, nothing is left of the snapshot. */
  prepare(handover: Handover): Promise<void>
  /** Puts the prepared snapshot into force, and ends the streams that it no longer permits. */
  commit(): Promise<void>
  /** Drops the prepared snapshot. */
  abandon(): Promise<void>
  /** Replaces the revocations in force, and ends the streams of revoked credentials. */
  revoke(entries: RevocationEntries): Promise<void>
}

/** The snapshot in force, the prepared one, and the revocations. */
export interface Snapshots extends Revisions {
  /** Returns the snapshot in force; there is one after the first commit. */
  current(): BuiltSnapshot
  /** Takes the snapshot in force out of service. */
  retire(): void
}

/**
 * Holds no snapshot yet.
 *
 * @param onCommit called with a snapshot that came into force, while the previous one is still in service
 * @param onRevoke called after the revocations have changed
 */
export function createSnapshots(
  build: (handover: Handover) => Promise<BuiltSnapshot>,
  onCommit: (snapshot: BuiltSnapshot) => void,
  onRevoke: () => void,
): Snapshots {
  let snapshot: BuiltSnapshot | undefined
  let prepared: BuiltSnapshot | undefined
  let revocations = noRevocations
  const abandon = (): void => {
    prepared?.retire()
    prepared = undefined
  }
  return {
    current: () => snapshot!,
    async prepare(handover) {
      abandon()
      prepared = await build(handover)
    },
    async commit() {
      if (prepared === undefined) throw new Error('no snapshot is prepared')
      const previous = snapshot
      snapshot = { ...prepared, revocations }
      prepared = undefined
      onCommit(snapshot)
      previous?.retire()
    },
    abandon: async () => abandon(),
    async revoke(entries) {
      revocations = createRevocations(entries)
      if (snapshot === undefined) return
      snapshot = { ...snapshot, revocations }
      onRevoke()
    },
    retire: () => snapshot?.retire(),
  }
}
