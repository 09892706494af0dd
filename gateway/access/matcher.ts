import { matchGlob, parseGlob, type Glob } from '../values/glob.ts'

/** One compiled glob and its place in the configuration, as a JSON pointer. */
export interface Rule {
  readonly pattern: string
  readonly path: string
}

/** A list of globs as one matcher. */
export interface RuleList {
  readonly rules: readonly Rule[]
  /** Returns the patterns that were compiled: those of the rules, and their other spellings. */
  spellings(): readonly string[]
  /** Returns the first rule that matches a name; undefined if none does. */
  first(name: string): Rule | undefined
}

const anyRun = -1

/**
 * Compiles a list of globs. Exact names and prefixes (`get_*`) are looked up, so a long list costs as little as a short
 * one; only other globs are tried one by one.
 *
 * @param path of the list, as a JSON pointer
 * @param spellingsOf returns the patterns to compile for one: a name that matches any of them matches the rule
 */
export function compileRules(
  patterns: readonly string[],
  path: string,
  spellingsOf: (pattern: string) => readonly string[] = pattern => [pattern],
): RuleList {
  const rules = patterns.map((pattern, index) => ({ pattern, path: `${path}/${index}` }))
  const exact = new Map<string, number>()
  const prefixes = new Map<string, number>()
  const others: { glob: Glob; index: number }[] = []
  const spelled = rules.flatMap(({ pattern }, index) => spellingsOf(pattern).map(text => ({ text, index })))
  for (const { text: pattern, index } of spelled) {
    const glob = parseGlob(pattern)
    const literal = glob.tokens.filter(token => token >= 0)
    const wild = glob.tokens.length - literal.length
    const text = String.fromCodePoint(...literal)
    if (wild === 0) keepFirst(exact, text, index)
    else if (wild === 1 && glob.tokens.at(-1) === anyRun) keepFirst(prefixes, text, index)
    else others.push({ glob, index })
  }
  const lengths = [...new Set([...prefixes.keys()].map(prefix => prefix.length))]
  return {
    rules,
    spellings: () => rules.flatMap(({ pattern }) => spellingsOf(pattern)),
    first(name) {
      let best = exact.get(name) ?? Infinity
      for (const length of lengths) {
        if (length <= name.length) best = Math.min(best, prefixes.get(name.slice(0, length)) ?? Infinity)
      }
      for (const { glob, index } of others) {
        if (index > best) break
        if (matchGlob(glob, name)) best = index
      }
      return rules[best]
    },
  }
}

function keepFirst(found: Map<string, number>, text: string, index: number): void {
  if (!found.has(text)) found.set(text, index)
}
