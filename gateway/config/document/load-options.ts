/** Options of a load. */
export interface LoadOptions {
  /** The environment: what `${NAME}` and `{env: NAME}` stand for. */
  env: Record<string, string | undefined>
  /** The instant that expiry is measured against. */
  now: Date
  /**
   * Let variables and secret files be absent, as where a pull request is checked. Text with such a variable stays as it
   * was written, and is not judged.
   */
  allowMissingEnv?: boolean
  /**
   * For whom a sound configuration is looked at further: `validate` warns of keys without expiry, `lint` gives all advice.
   * Without it, as where a gateway runs, neither does.
   */
  review?: 'validate' | 'lint'
  /** Whether to read and check the file that `revocations` names; true unless given. */
  revocations?: boolean
  /** Takes an absolute path; throws what node:fs throws. By default the file system. */
  readFile?: (path: string) => Buffer
  /** Takes an absolute pattern; returns the files that match and the directories that were listed for it. */
  glob?: (pattern: string) => { files: string[]; directories: string[] }
}
