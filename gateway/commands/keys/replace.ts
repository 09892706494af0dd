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
 * Replaces the content of a file: whoever reads it, whenever, finds the old or the new content, whole. Mode and, where
 * that is permitted, owner stay. Throws what the file system throws, and then the file is as it was.
 *
 * @param file no symbolic link, which would be replaced by a file
 */
export function replaceFile(file: string, content: string): void {
  const { mode, uid, gid } = statSync(file)
  // The name begins with a dot and ends otherwise than the file's, so that no pattern of `include` takes it in.
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

// Not every file system can: the rename has happened all the same.
function syncFolder(folder: string): void {
  let descriptor: number | undefined
  try {
    descriptor = openSync(folder, 'r')
    fsyncSync(descriptor)
  } catch {
    // Durable a little later, then.
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}
