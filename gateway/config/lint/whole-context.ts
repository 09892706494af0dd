import type { Config } from '../../../schema/config.ts'
import type { CheckContext } from '../checks/check-context.ts'

/** A configuration without errors: complete, with its defaults filled in. */
export interface WholeContext extends CheckContext {
  readonly config: Config
  /** Returns the secret of a reference; undefined if it is absent. */
  readonly textOf: (reference: { env?: string; file?: string }) => string | undefined
}
