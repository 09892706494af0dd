import { dirname, resolve } from 'node:path'
import { matchGlob, parseGlob, type Glob } from '../../values/glob.ts'
import { MalformedError } from '../../values/malformed.ts'
import { realPath } from './real-path.ts'

/** Names that an item of `include` lets its fragments declare and refer to. Everything else is not allowed. */
export interface FragmentScope {
  /** Returns whether a proxy, role, key or auth method of this name belongs to the fragment. */
  owns(name: string): boolean
  /** Returns whether its keys and grants may give this role of the main file. */
  givesRole(name: string): boolean
  /** Returns whether it may refer to an environment variable. */
  refersTo(variable: string): boolean
  /** Returns whether it may refer to a file, by its absolute path and with symbolic links resolved. */
  reads(path: string): boolean
  /** Returns whether it may name a URL. */
  reaches(url: URL): boolean
}

const lists = ['owns', 'roles', 'env', 'files', 'hosts'] as const

/**
 * Reads the scope from an item of `include` in its object form.
 *
 * @param item not checked yet; malformed parts allow nothing
 * @param main absolute path of the main file; `files` is relative to it
 */
export function readScope(item: Readonly<Record<string, unknown>>, main: string): FragmentScope {
  const [owns, roles, env, files, hosts] = lists.map(name => patternsOf(item[name]))
  const folders = [dirname(main), realPath(dirname(main))]
  const paths = folders.flatMap(folder => compile(files!.map(pattern => resolve(folder, pattern))))
  const matches = (patterns: readonly string[]): ((name: string) => boolean) => {
    const globs = compile(patterns)
    return name => globs.some(glob => matchGlob(glob, name))
  }
  return {
    owns: matches(owns!),
    givesRole: matches(roles!),
    refersTo: matches(env!),
    reads: path => [path, realPath(path)].every(one => paths.some(glob => matchGlob(glob, one))),
    reaches: hostMatcher(hosts!),
  }
}

function hostMatcher(patterns: readonly string[]): (url: URL) => boolean {
  const hosts = patterns.map(pattern => {
    const [, host, port] = /^(.*?)(?::(\d{1,5}))?$/.exec(pattern.toLowerCase())!
    return { globs: compile([host!]), port }
  })
  return ({ hostname, port, protocol }) => {
    const actual = port === '' ? (protocol === 'http:' ? '80' : '443') : port
    const name = hostname.replace(/\.$/, '')
    return hosts.some(
      ({ globs, port: wanted }) =>
        (wanted === undefined || wanted === actual) && globs.some(glob => matchGlob(glob, name)),
    )
  }
}

function patternsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter(one => typeof one === 'string') : []
}

function compile(patterns: readonly string[]): Glob[] {
  return patterns.flatMap(pattern => {
    try {
      return [parseGlob(pattern)]
    } catch (error) {
      if (error instanceof MalformedError) return []
      throw error
    }
  })
}
