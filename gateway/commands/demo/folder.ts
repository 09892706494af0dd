import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Io } from '../cli/io.ts'

/** The folder of a demo. */
export interface DemoFolder {
  readonly config: string
  readonly log: string
  /** Notes that the configuration is complete. A later change is the user's. */
  ready(): void
  /** Removes the folder, unless the user changed the configuration. Then says on stderr where it is. */
  dispose(): void
}

/** Creates a folder that only this user can read. It is disposed of however the process ends. */
export function createDemoFolder({ stderr }: Pick<Io, 'stderr'>): DemoFolder {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'gatehouse-demo-'))
  const config = join(folder, 'gateway.yaml')
  let written: string | undefined
  let disposed = false
  const dispose = (): void => {
    if (disposed) return
    disposed = true
    if (written === undefined || [written, undefined].includes(contentOf(config))) {
      rmSync(folder, { recursive: true, force: true })
    } else stderr(`Your changed configuration is kept: ${config}\n`)
  }
  process.on('exit', dispose)
  return {
    config,
    log: join(folder, 'gateway.log'),
    ready: () => (written = contentOf(config)),
    dispose,
  }
}

function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
