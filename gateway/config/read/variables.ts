/** A problem with a variable in a text. */
interface VariableProblem {
  readonly kind: 'missing' | 'malformed'
  /** Name of the variable; empty when malformed. */
  readonly name: string
}

const reference = /\$(?:\$|\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^${}]*))?\}|(\{))/g

/**
 * Replaces `${NAME}` and `${NAME:-default}` in a text, and `$$` with `$`. As in a shell, the default also replaces an
 * empty variable. Any other `$` stays; any other `${` is a problem. Values are not searched for variables again.
 */
export function substitute(
  text: string,
  env: Record<string, string | undefined>,
): { text: string; names: string[]; problems: VariableProblem[] } {
  const problems: VariableProblem[] = []
  const names: string[] = []
  const replaced = text.replace(
    reference,
    (whole, name: string | undefined, fallback: string | undefined, malformed: string | undefined) => {
      if (malformed !== undefined) problems.push({ kind: 'malformed', name: '' })
      if (name === undefined) return malformed === undefined ? '$' : whole
      names.push(name)
      const value = variable(env, name)
      if (fallback !== undefined) return value === undefined || value === '' ? fallback : value
      if (value === undefined) problems.push({ kind: 'missing', name })
      return value ?? whole
    },
  )
  return { text: replaced, names, problems }
}

/** Returns the value of a variable, never a property that the environment object inherits. */
export function variable(env: Record<string, string | undefined>, name: string): string | undefined {
  return Object.hasOwn(env, name) ? env[name] : undefined
}
