import { readFileSync, statSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { isSpecial, maxFileBytes, type ReadPaths } from '../../config/document/content-digest.ts'

/** Contents of files that are in force, by path. */
export type Contents = ReadonlyMap<string, Buffer>

/** Rules for when files have stopped changing. */
export interface Settling {
  /** Milliseconds for which the files must not change. */
  readonly quietMs: number
  /** Contents in force. A file that was cut short must not change for longer, because someone may still be writing it. */
  readonly inForce: Contents
  /** Returns whether to wait no longer. */
  isStopped(this: void): boolean
}

const lookIntervalMs = 25
const cutQuietMs = 2000
/** Longest wait for files that change all the time, in milliseconds. */
const maxWaitMs = 10_000

/** Waits until files have stopped changing, so that none is read while it is being written. */
export async function settle(paths: ReadPaths, { quietMs, inForce, isStopped }: Settling): Promise<void> {
  const deadline = performance.now() + Math.max(maxWaitMs, quietMs * 2)
  let seen = statAll(paths)
  let since = performance.now()
  let neededMs: number | undefined
  for (let now = since; now < deadline && !isStopped(); now = performance.now()) {
    if (now - since >= quietMs) {
      neededMs ??= paths.files.some(file => isCutShort(file, inForce)) ? cutQuietMs : 0
      if (now - since >= neededMs) return
    }
    await delay(Math.min(lookIntervalMs, Math.max(quietMs, 1)))
    const next = statAll(paths)
    if (next === seen) continue
    seen = next
    since = performance.now()
    neededMs = undefined
  }
}

/** Reads the files, as what is in force. */
export function contentsOf(files: readonly string[]): Contents {
  const contents = files.map(file => [file, contentOf(file)] as const)
  return new Map(contents.filter((entry): entry is readonly [string, Buffer] => entry[1] !== undefined))
}

/** Returns what a change of the files would change too, without reading them. */
function statAll({ files, directories }: ReadPaths): string {
  return [...files, ...directories].map(stateOf).join('\0')
}

function stateOf(path: string): string {
  try {
    const { ino, size, mtimeMs, ctimeMs } = statSync(path)
    return `${ino} ${size} ${mtimeMs} ${ctimeMs}`
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code)
  }
}

/** Returns whether a file is only the beginning of its content in force: something was deleted, or is not written yet. */
function isCutShort(file: string, inForce: Contents): boolean {
  const before = inForce.get(file)
  const now = before && contentOf(file, before.length - 1)
  return now !== undefined && now.equals(before!.subarray(0, now.length))
}

function contentOf(file: string, maxBytes: number = maxFileBytes): Buffer | undefined {
  try {
    return isSpecial(file) || statSync(file).size > maxBytes ? undefined : readFileSync(file)
  } catch {
    return undefined
  }
}
