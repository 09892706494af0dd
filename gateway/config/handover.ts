import { resolve } from 'node:path'
import type { Config } from '../../schema/config.ts'
import { freeze } from './freeze.ts'
import { load, type Loaded, type LoadOptions, type LoadResult, type Secrets } from './load.ts'
import { revocableNames, revocationsPath, type RevocableNames } from './revocations.ts'
import { restartFields, type Settings } from './static-fields.ts'
import { secretsFrom } from './secrets/secrets.ts'

/**
 * A configuration without errors, as it is handed from the thread that read it to those that serve it. Keys are texts
 * of a few hundred each, so that nobody has to take in thousands of them at one go.
 */
export interface Handover {
  readonly revision: string
  readonly settings: string
  readonly keys: readonly string[]
  readonly secrets: ReadonlyMap<string, string>
  /** The revocations file, and what it may refer to; absent where there is none. */
  readonly revocations?: { readonly file: string; readonly names: RevocableNames }
  /** Where the fields were written that take effect after a restart only, by pointer. */
  readonly places: ReadonlyMap<string, Place>
}

type Place = NonNullable<ReturnType<Loaded['locate']>>

/** What came of reading a configuration. */
export interface ReadResult extends Omit<LoadResult, 'loaded'> {
  /** There when no diagnostic is an error. */
  readonly checked?: Handover
}

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

/** What a checked configuration says beside its keys. */
export function settingsOf({ settings }: Handover): Settings {
  return freeze(JSON.parse(settings) as Settings)
}

/** Reads one of the texts of its keys. */
export function keysOf(text: string): Config['keys'] {
  return freeze(JSON.parse(text) as Config['keys'])
}

/** Gives out its secrets. */
export function secretsOf({ secrets }: Handover): Secrets {
  return secretsFrom(secrets)
}
