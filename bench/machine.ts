import { spawnSync } from 'node:child_process'
import { cpus, totalmem } from 'node:os'
import type { Cores } from './pinning.ts'
import { openFilesLimit } from './proc.ts'

/** The machine and the programs of a measurement. */
export interface Machine {
  readonly date: string
  readonly commit: string
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly pinned: boolean
  readonly node: string
  readonly nginx: string
  readonly wrk: string
  readonly openFiles: number
}

/** Collects the facts of this machine. */
export function machineFacts({ pinned }: Cores): Machine {
  const said = (command: string, ...args: string[]): string => {
    const { stdout, stderr } = spawnSync(command, args, { cwd: import.meta.dirname, encoding: 'utf8' })
    return `${stdout ?? ''}${stderr ?? ''}`.trim()
  }
  const processors = cpus()
  const changed =
    said('git', 'status', '--porcelain', '--untracked-files=no', '--', '..', ':!../bench', ':!../docs') !== ''
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: `${said('git', 'rev-parse', '--short=12', 'HEAD')}${changed ? ', changed' : ''}`,
    cpu: processors[0]?.model ?? 'unknown',
    cores: processors.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    pinned,
    node: process.version,
    nginx: /nginx\/(\S+)/.exec(said('nginx', '-v'))?.[1] ?? 'unknown',
    wrk: /wrk (?:debian\/)?(\S+)/.exec(said('wrk', '-v'))?.[1] ?? 'unknown',
    openFiles: openFilesLimit(),
  }
}
