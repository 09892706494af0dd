import { dirname, resolve } from 'node:path'
import { matchGlob, parseGlob, type Glob } from '../../values/glob.ts'
import { MalformedError } from '../../values/malformed.ts'
import { realPath } from './real-path.ts'

/** What an item of `include` lets its fragments declare and refer to. What it does not name is not allowed. */
export interface FragmentScope {
  /** Names of proxies, roles, keys and auth methods that are the fragment's own. */
  owns(name: string): boolean
  /** Names of roles of the main file that its keys and grants may give. */
  givesRole(name: string): boolean
  /** Names of environment variables. */
  refersTo(variable: string): boolean
  /** Absolute paths of files, also where symbolic links lead. */
  reads(path: string): boolean
  /** Hosts of URLs. */
  reaches(url: URL): boolean
}

const lists = ['owns', 'roles', 'env', 'files', 'hosts'] as const

/**
 * Reads the scope from an item of `include` in its object form.
 *
 * @param item not checked yet; what is malformed allows nothing
 * @param main absolute path of the main file, which `files` is relative to
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
