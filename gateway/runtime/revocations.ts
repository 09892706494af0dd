import type { Handover } from '../config/handover.ts'
import { digestOfFile } from '../config/document/content-digest.ts'
import { settingsOf } from '../config/handover.ts'
import type { RevocationsResult } from '../config/revocations.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { RevocationsRequest } from './loader/loader.ts'
import { contentsOf, settle, type Contents } from './loader/settle.ts'
import { parseWait } from '../values/units.ts'
import {
  createRevocationsStatus,
  type RevocationsReport,
  type RevocationsStatus,
} from './revocations-status.ts'
import type { WorkerCore } from './workers/worker-core.ts'

/** Reads and checks a revocations file as it stands now. */
export type LoadRevocations = (request: RevocationsRequest) => RevocationsResult | Promise<RevocationsResult>

/** Applies the revocations file, whatever becomes of the configuration. The last good content stays in force. */
export interface RevocationsKeeper {
  /** Returns the absolute path of the file; undefined if the configuration in force names none. */
  path(): string | undefined
  /** Returns undefined if the configuration in force names no file. */
  status(): RevocationsReport | undefined
  /**
   * Puts a configuration into force together with the revocations that it names. The previous revocations stay in force
   * until the configuration is, and its own are in force from then on.
   *
   * @param commit puts the configuration into force
   * @returns the errors of its revocations, in which case nothing has changed; undefined otherwise
   */
  follow(handover: Handover, commit: () => Promise<void>): Promise<RevocationsResult | undefined>
  /** Applies the file if its bytes differ from those of the last attempt. Never throws. */
  apply(): Promise<void>
  /** Applies nothing from now on. */
  stop(): void
}

/** State of a keeper. */
interface Keeper {
  readonly load: LoadRevocations
  readonly core: Pick<WorkerCore, 'revoke'>
  readonly status: RevocationsStatus
  file: string | undefined
  names: RevocationsRequest['names']
  /** Digest of the content that was applied or refused last; undefined to try the same bytes again. */
  attempted: string | undefined
  /** Milliseconds for which the file must not change before it is read. */
  quietMs: number
  /** Content in force. */
  contents: Contents
  stopped: boolean
}

/** Makes a keeper that follows no file yet. */
export function createRevocationsKeeper(
  load: LoadRevocations,
  { core, log, metrics }: { core: Pick<WorkerCore, 'revoke'>; log: Log; metrics: Metrics },
): RevocationsKeeper {
  const status = createRevocationsStatus(log, metrics)
  const names = { keys: [], issuers: [], hashes: [] }
  const keeper: Keeper = {
    load,
    core,
    status,
    file: undefined,
    names,
    attempted: undefined,
    quietMs: 0,
    contents: new Map(),
    stopped: false,
  }
  let last: Promise<unknown> = Promise.resolve()
  let isWaiting = false

  function inOrder<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = last.then(work)
    last = result.catch(() => {})
    return result
  }

  return {
    path: () => keeper.file,
    status: status.report,
    async follow(handover, commit) {
      keeper.quietMs = parseWait(settingsOf(handover).reload.settle)
      if (handover.revocations?.file !== keeper.file)
        return inOrder(() => changeFile(keeper, handover, commit))
      keeper.names = handover.revocations?.names ?? keeper.names
      await commit()
      return undefined
    },
    stop: () => void (keeper.stopped = true),
    async apply() {
      // The attempt that waits will read the latest bytes.
      if (isWaiting) return
      isWaiting = true
      const attempt = inOrder(() => {
        isWaiting = false
        return applyOnce(keeper)
      })
      await attempt.catch((error: unknown) => {
        // The content is not to blame, so the same bytes are tried again at the next poll.
        keeper.attempted = undefined
        status.refused({ diagnostics: [], omitted: 0 }, error)
      })
    },
  }
}

async function applyOnce(keeper: Keeper): Promise<void> {
  const { file, names, load, core, status, quietMs, contents: inForce } = keeper
  if (file === undefined || keeper.stopped || digestOfFile(file) === keeper.attempted) return
  await settle({ files: [file], directories: [] }, { quietMs, inForce, isStopped: () => keeper.stopped })
  if (keeper.stopped || digestOfFile(file) === keeper.attempted) return
  const result = await load({ file, names })
  keeper.attempted = result.digest
  const { entries } = result
  if (entries === undefined) {
    status.refused(result)
    return
  }
  await core.revoke(entries)
  keeper.contents = contentsOf([file])
  status.applied({ ...result, entries })
}

/** Commits a configuration that names another revocations file, or none. Both are in force in the meantime. */
async function changeFile(
  keeper: Keeper,
  { revocations }: Handover,
  commit: () => Promise<void>,
): Promise<RevocationsResult | undefined> {
  const { load, core, status } = keeper
  const result = revocations && (await load(revocations))
  if (result !== undefined && result.entries === undefined) return result
  const before = status.entries()
  const entries = result?.entries ?? new Map<never, never>()
  await core.revoke(new Map([...before, ...entries]))
  try {
    await commit()
  } catch (error) {
    await core.revoke(before)
    throw error
  }
  await core.revoke(entries)
  keeper.file = revocations?.file
  keeper.names = revocations?.names ?? keeper.names
  keeper.attempted = result?.digest
  keeper.contents = contentsOf(revocations === undefined ? [] : [revocations.file])
  if (result === undefined) status.removed()
  else status.applied({ ...result, entries })
  return undefined
}
