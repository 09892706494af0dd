import type { Config } from '../../schema/config.ts'
import { freeze } from './freeze.ts'
import type { Loaded, LoadResult } from './load.ts'
import type { RevocableNames } from './revocations.ts'
import type { Settings } from './static-fields.ts'
import { secretsFrom, type Secrets } from '../values/secrets.ts'

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
