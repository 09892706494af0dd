/** Returns the secret of a reference in the configuration. Throws an Error if the secret is absent. */
export type Secrets = (reference: { env?: string; file?: string }) => string

/** Looks secrets up by reference in the texts of one load. */
export function secretsFrom(texts: ReadonlyMap<string, string>): Secrets {
  return reference => {
    const value = texts.get(secretId(reference))
    if (value === undefined) throw new Error(`the secret of ${secretId(reference)} was not resolved`)
    return value
  }
}

/** Returns the name under which the secret of a reference is kept. */
export function secretId({ env, file }: { env?: string | undefined; file?: string | undefined }): string {
  return env === undefined ? `file:${file ?? ''}` : `env:${env}`
}
