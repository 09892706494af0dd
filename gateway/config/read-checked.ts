import { resolve } from 'node:path'
import type { Handover, ReadResult } from './handover.ts'
import { load, type Loaded, type LoadOptions } from './load.ts'
import { revocableNames, revocationsPath } from './revocations.ts'
import { restartFields } from './static-fields.ts'

const keysTogether = 200

/** Reads and checks a configuration as load() does, for another thread. */
export function readChecked(path: string, options: LoadOptions): ReadResult {
  // The gateway reads that file on its own, whatever becomes of this one.
  const { loaded, ...result } = load(path, { ...options, revocations: false })
  return loaded === undefined
    ? result
    : { ...result, sources: new Map(), checked: toChecked(loaded, resolve(path)) }
}

function toChecked({ config, revision, secretTexts, locate }: Loaded, main: string): Handover {
  const { keys, ...settings } = config
  const entries = Object.entries(keys)
  const starts = Array.from(
    { length: Math.ceil(entries.length / keysTogether) },
    (_, part) => part * keysTogether,
  )
  return {
    revision,
    settings: JSON.stringify(settings),
    keys: starts.map(start => JSON.stringify(Object.fromEntries(entries.slice(start, start + keysTogether)))),
    secrets: secretTexts,
    ...(config.revocations !== undefined && {
      revocations: { file: revocationsPath(main, config.revocations), names: revocableNames(config) },
    }),
    places: new Map(
      restartFields.flatMap(({ pointer }) => {
        const place = locate(pointer)
        return place === undefined ? [] : [[pointer, place] as const]
      }),
    ),
  }
}
