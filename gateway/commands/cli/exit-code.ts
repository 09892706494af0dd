import type { LoadResult } from '../../config/load.ts'

/** Returns the exit code for a configuration: 0 when it is valid, 2 when its main file cannot be read, otherwise 1. */
export function exitCodeOf({ loaded, diagnostics, files: [main] }: LoadResult): 0 | 1 | 2 {
  if (loaded !== undefined) return 0
  return diagnostics.some(({ code, file }) => code === 'GH1001' && file === main) ? 2 : 1
}
