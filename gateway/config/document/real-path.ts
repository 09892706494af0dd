import { realpathSync, statfsSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

/** Types of the file systems of the kernel (statfs(2)): procfs and sysfs, wherever they are mounted. */
const kernelFileSystems: ReadonlySet<number> = new Set([0x9f_a0, 0x62_65_65_72])

/** Resolves the symbolic links of an absolute path. If the file does not exist, resolves those of its folder. */
export function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    const folder = dirname(path)
    return folder === path ? path : join(realPath(folder), basename(path))
  }
}

/**
 * Returns whether an absolute path without dot segments leads to /proc, /sys or /dev, also by symbolic links or other
 * mount points. Those hold the environment and memory of processes, and devices, but never the files of an author.
 */
export function isSystemPath(path: string): boolean {
  const real = realPath(path)
  return [path, real].some(one => /^\/(?:proc|sys|dev)(?:\/|$)/.test(one)) || isOfKernel(real)
}

function isOfKernel(path: string): boolean {
  try {
    return kernelFileSystems.has(statfsSync(path).type)
  } catch {
    return false
  }
}

/** Returns whether a path is inside a folder, both as named and with symbolic links resolved. Both are absolute. */
export function isWithin(folder: string, path: string): boolean {
  return isBelow(folder, path) && isBelow(realPath(folder), realPath(path))
}

function isBelow(folder: string, path: string): boolean {
  return path.startsWith(folder.endsWith('/') ? folder : `${folder}/`)
}
