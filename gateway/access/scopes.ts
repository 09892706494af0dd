import type { Scopes } from '../../schema/config.ts'
import { matchGlob, parseGlob, type Glob } from '../values/glob.ts'
import type { Operation } from '../mcp/operation.ts'
import { decoded } from './percent-encoding.ts'
import { variantsOf } from './uri-variants.ts'
import { spellingsOfDeny } from './uri-patterns.ts'

/** The scopes that names of one pattern need. */
interface ScopeRule {
  readonly pattern: string
  /** The pattern, and for resources its other spellings. */
  readonly globs: readonly Glob[]
  readonly scopes: readonly string[]
}

/** The scopes that tokens need on a proxy, besides roles. */
export interface ScopeRules {
  /** For every request. */
  readonly required: readonly string[]
  readonly tool: readonly ScopeRule[]
  readonly prompt: readonly ScopeRule[]
  readonly resource: readonly ScopeRule[]
  /** Each rule with one of its scopes, as one text, and that scope: compared for every open stream after each reload. */
  readonly pairs: readonly (readonly [pair: string, scope: string])[]
}

/** Compiles the scopes that tokens need. */
export function compileScopes(scopes: Scopes | undefined): ScopeRules {
  const compile = (
    map: Scopes['tools'] = {},
    spellings = (pattern: string): readonly string[] => [pattern],
  ): ScopeRule[] =>
    Object.entries(map).map(([pattern, needed]) => ({
      pattern,
      globs: spellings(pattern).map(parseGlob),
      scopes: needed,
    }))
  const required = scopes?.required ?? []
  const byKind = {
    tool: compile(scopes?.tools),
    prompt: compile(scopes?.prompts),
    resource: compile(scopes?.resources, spellingsOfDeny),
  }
  return { required, ...byKind, pairs: pairsOf(required, byKind) }
}

/** Returns every scope that an operation needs, each once. A resource needs those of every variant of its URI. */
export function scopesFor(rules: ScopeRules, { kind, name }: Operation): string[] {
  if (kind === 'other') return [...rules.required]
  const names = kind === 'resource' ? variantsOf(name)?.flatMap(({ text }) => [text, decoded(text)]) : [name]
  // A URI that is too ambiguous to judge needs every scope.
  const matching = rules[kind].filter(
    ({ globs }) => names === undefined || names.some(one => globs.some(glob => matchGlob(glob, one))),
  )
  return [...new Set([...rules.required, ...matching.flatMap(({ scopes }) => scopes)])]
}

/** Returns whether a token has all the scopes that are needed. No scope contains another. */
export function hasAllScopes(needed: readonly string[], offered: ReadonlySet<string>): boolean {
  return needed.every(scope => offered.has(scope))
}

/** Returns whether a token lacks a scope that is needed, and that it had before or did not need before. */
export function losesScope(
  before: ScopeRules,
  was: ReadonlySet<string> | undefined,
  after: ScopeRules,
  is: ReadonlySet<string>,
): boolean {
  const known = new Set(before.pairs.map(([pair]) => pair))
  return after.pairs.some(([pair, scope]) => (!known.has(pair) || was?.has(scope) === true) && !is.has(scope))
}

function pairsOf(
  required: readonly string[],
  byKind: Readonly<Record<string, readonly ScopeRule[]>>,
): ScopeRules['pairs'] {
  const ofNames = Object.entries(byKind).flatMap(([kind, rules]) =>
    rules.flatMap(({ pattern, scopes }) =>
      scopes.map(scope => [JSON.stringify([kind, pattern, scope]), scope] as const),
    ),
  )
  return [...required.map(scope => [scope, scope] as const), ...ofNames]
}
