import type { JwtAuth, TokenCondition } from '../../../schema/config.ts'
import { matchGlob, parseGlob } from '../../values/glob.ts'
import { claimAt } from '../claim-at.ts'
import type { Claims } from '../jws.ts'
import { scopesOf } from './token.ts'

type Test = (claims: Claims, scopes: ReadonlySet<string>) => boolean

/**
 * Compiles the grants of an auth method.
 *
 * @returns a function that returns the roles for the claims of a token: those of every grant that matches, each once
 */
export function compileGrants(grants: JwtAuth['grants']): (claims: Claims) => readonly string[] {
  const compiled = grants.map(({ when, roles }) => ({ test: compileCondition(when), roles }))
  return claims => {
    const scopes = scopesOf(claims)
    return [...new Set(compiled.flatMap(({ test, roles }) => (test(claims, scopes) ? roles : [])))]
  }
}

function compileCondition({ claims: wanted = {}, scopes: needed = [] }: TokenCondition): Test {
  const tests = Object.entries(wanted).map(([name, value]) => ({ name, matches: compileValue(value) }))
  return (claims, scopes) =>
    needed.every(scope => scopes.has(scope)) &&
    tests.every(({ name, matches }) => someMatches(claimAt(claims, name), matches))
}

function someMatches(claim: unknown, matches: (value: unknown) => boolean): boolean {
  return Array.isArray(claim) ? claim.some(matches) : matches(claim)
}

function compileValue(wanted: string | number | boolean | string[]): (value: unknown) => boolean {
  if (typeof wanted === 'number' || typeof wanted === 'boolean') return value => value === wanted
  const globs = [wanted].flat().map(parseGlob)
  return value => typeof value === 'string' && globs.some(glob => matchGlob(glob, value))
}
