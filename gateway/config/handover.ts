import type { Config } from '../../schema/config.ts'
import { freeze } from './freeze.ts'
import type { Loaded, LoadResult } from './load.ts'
import type { RevocableNames } from './revocation-entries.ts'
import type { Settings } from './static-fields.ts'
import { secretsFrom, type Secrets } from '../values/secrets.ts'

/**
 * A configuration without errors, as the loader hands it over to the workers. Each text in `keys` holds a few hundred
 * keys, so that no worker has to parse thousands of them at once.
 */
export interface Handover {
  readonly revision: string
  readonly settings: string
  readonly keys: readonly string[]
  readonly secrets: ReadonlyMap<string, string>
  /** The revocations file, and the names that it may refer to. */
  readonly revocations?: { readonly file: string; readonly names: RevocableNames }
  /** Places of the fields that take effect only after a restart, by pointer. */
  readonly places: ReadonlyMap<string, Place>
}

type Place = NonNullable<ReturnType<Loaded['locate']>>

/** Result of reading a configuration. */
export interface ReadResult extends Omit<LoadResult, 'loaded'> {
  /** Present if no diagnostic is an error. */
  readonly handover?: Handover
}

/** Returns the configuration without its keys. */
export function settingsOf({ settings }: Handover): Settings {
  return freeze(JSON.parse(settings) as Settings)
}

/** Parses one of the texts with keys. */
export function keysOf(text: string): Config['keys'] {
  return freeze(JSON.parse(text) as Config['keys'])
}

/** Returns a function that looks up the secrets. */
export function secretsOf({ secrets }: Handover): Secrets {
  return secretsFrom(secrets)
}
