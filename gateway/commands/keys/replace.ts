import { randomUUID } from 'node:crypto'
import {
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'

/**
 * Replaces the content of a file atomically: readers find the old or the new content, never a part. Keeps the mode and,
 * where permitted, the owner. Throws errors of the file system, and then the file is unchanged.
 *
 * @param file a regular file; a symbolic link would be replaced by a file
 */
export function replaceFile(file: string, content: string): void {
  const { mode, uid, gid } = statSync(file)
  // The leading dot and the different extension keep the patterns of `include` from matching it.
  const draft = join(dirname(file), `.${basename(file)}.${randomUUID()}.tmp`)
  const descriptor = openSync(draft, 'wx', 0o600)
  try {
    try {
      keepOwner(descriptor, uid, gid)
      fchmodSync(descriptor, mode & 0o7777)
      writeFileSync(descriptor, content)
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
    renameSync(draft, file)
  } catch (error) {
    rmSync(draft, { force: true })
    throw error
  }
  syncFolder(dirname(file))
}

function keepOwner(descriptor: number, uid: number, gid: number): void {
  try {
    fchownSync(descriptor, uid, gid)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error
  }
}

// Some file systems cannot do this. The rename has happened all the same.
function syncFolder(folder: string): void {
  let descriptor: number | undefined
  try {
    descriptor = openSync(folder, 'r')
    fsyncSync(descriptor)
  } catch {
    // The rename becomes durable a little later.
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}
