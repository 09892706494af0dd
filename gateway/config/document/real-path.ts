import { realpathSync, statfsSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

/** Types of file systems that hold what the kernel says (statfs(2)): procfs and sysfs, wherever they are mounted. */
const kernelFileSystems: ReadonlySet<number> = new Set([0x9f_a0, 0x62_65_65_72])

/** Takes an absolute path; returns where it leads. Of what does not exist, where its folder leads. */
export function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    const folder = dirname(path)
    return folder === path ? path : join(realPath(folder), basename(path))
  }
}

/**
 * Whether an absolute path without dot segments leads to /proc, /sys or /dev, also by symbolic links or where they are
 * mounted elsewhere. What is there is the environment of processes, their memory or a device, never a file of an author.
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

/** Whether a path is in a folder, both absolute, by its name and by where symbolic links lead. */
export function isWithin(folder: string, path: string): boolean {
  return isBelow(folder, path) && isBelow(realPath(folder), realPath(path))
}

function isBelow(folder: string, path: string): boolean {
  return path.startsWith(folder.endsWith('/') ? folder : `${folder}/`)
}
