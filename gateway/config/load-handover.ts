import { resolve } from 'node:path'
import type { Handover, ReadResult } from './handover.ts'
import { load, type Loaded, type LoadOptions } from './load.ts'
import { revocableNames, revocationsPath } from './revocations.ts'
import { restartFields } from './static-fields.ts'

const keysPerText = 200

/** Loads a configuration like load(), for another worker. */
export function loadHandover(path: string, options: LoadOptions): ReadResult {
  // The gateway reads the revocations file separately, even if this configuration has errors.
  const { loaded, ...result } = load(path, { ...options, revocations: false })
  return loaded === undefined
    ? result
    : { ...result, sources: new Map(), handover: toHandover(loaded, resolve(path)) }
}

function toHandover({ config, revision, secretTexts, locate }: Loaded, main: string): Handover {
  const { keys, ...settings } = config
  const entries = Object.entries(keys)
  const starts = Array.from(
    { length: Math.ceil(entries.length / keysPerText) },
    (_, part) => part * keysPerText,
  )
  return {
    revision,
    settings: JSON.stringify(settings),
    keys: starts.map(start => JSON.stringify(Object.fromEntries(entries.slice(start, start + keysPerText)))),
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
