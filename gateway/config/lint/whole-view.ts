import type { Config } from '../../../schema/config.ts'
import type { View } from '../checks/check-context.ts'

/** A configuration without errors: whole, with its defaults filled in. */
export interface WholeView extends View {
  readonly config: Config
}
