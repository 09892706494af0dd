import type { Config } from '../../../schema/config.ts'
import type { CheckContext } from '../checks/check-context.ts'

/** A configuration without errors: complete, with its defaults filled in. */
export interface WholeContext extends CheckContext {
  readonly config: Config
}
