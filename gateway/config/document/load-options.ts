/** Options of a load. */
export interface LoadOptions {
  /** Environment variables, for `${NAME}` and `{env: NAME}`. */
  env: Record<string, string | undefined>
  /** Current time, for checks of expiry. */
  now: Date
  /**
   * Allows variables and secret files to be absent, as in a check of a pull request. A text with such a variable stays as
   * written, and checks skip it.
   */
  allowMissingEnv?: boolean
  /** The configuration is read again by a running process, whose environment stays as it was at its start. */
  isReload?: boolean
  /** Adds warnings to a valid configuration: `validate` about keys without expiry, `lint` all advice. A gateway sets neither. */
  review?: 'validate' | 'lint'
  /** Reads and checks the file that `revocations` names. The default is true. */
  revocations?: boolean
  /** Reads an absolute path. Throws what node:fs throws. The default is the file system. */
  readFile?: (path: string) => Buffer
  /** Expands an absolute pattern. Returns the files that match, and the directories that were listed. */
  glob?: (pattern: string) => { files: string[]; directories: string[] }
}
