import type { JwtAuth, TokenCondition } from '../../schema/config.ts'
import { classesOf } from '../access/analysis/classes.ts'
import type { Claims } from '../auth/jws.ts'
import { compileGrants } from '../auth/token/grants.ts'
import { takesTokens } from '../values/auth-type.ts'
import { matchGlob, parseGlob } from '../values/glob.ts'
import type { CallerClass } from './callers.ts'
import { distinct, methodCallers, pairwise } from './method-callers.ts'
import type { Side } from './side.ts'

/** Claims of a token, each as a list, and its scopes. */
interface Sample {
  readonly claims: Readonly<Record<string, readonly unknown[]>>
  readonly scopes: readonly string[]
}

/**
 * Returns tokens that stand for all tokens of the issuers that two configurations accept: for every combination of at most
 * two grants, a smallest token that satisfies them. A claim takes a value of each class that the conditions tell apart.
 *
 * @returns undefined if there are too many
 */
export function tokenCallers(before: Side, after: Side): CallerClass[] | undefined {
  return methodCallers<TokenCondition, JwtAuth, Sample>(before, after, {
    includes: takesTokens,
    samplesOf,
    rolesBy(_name, { grants }) {
      const rolesOf = compileGrants(grants)
      return sample => rolesOf(claimsOf(sample))
    },
    label: (name, sample) => `token of ${name} with ${JSON.stringify(claimsOf(sample))}`,
  })
}

/** Returns the claims of a sample: a list of one value as that value. */
function claimsOf({ claims, scopes }: Sample): Claims {
  const values = Object.entries(claims).map(([name, list]) => [name, list.length === 1 ? list[0] : list])
  return { ...Object.fromEntries(values), ...(scopes.length > 0 && { scope: scopes.join(' ') }) }
}

function samplesOf(conditions: readonly TokenCondition[]): Sample[] | undefined {
  const whens = distinct(conditions)
  const values = valuesByClaim(whens)
  if (values === undefined) return undefined
  return pairwise(
    whens.map(when => samplesFor(when, values)),
    (one, other) => [merge(one, other)],
  )
}

/** Returns a value of each class of texts that the conditions on a claim tell apart. */
function valuesByClaim(conditions: readonly TokenCondition[]): Map<string, string[]> | undefined {
  const globs = new Map<string, Set<string>>()
  for (const { claims = {} } of conditions) {
    for (const [name, wanted] of Object.entries(claims)) {
      const known = globs.get(name) ?? new Set()
      globs.set(name, known)
      for (const glob of [wanted].flat()) if (typeof glob === 'string') known.add(glob)
    }
  }
  const values = new Map<string, string[]>()
  for (const [name, patterns] of globs) {
    const classes = classesOf([...patterns].map(pattern => [parseGlob(pattern)]))
    if (classes === undefined) return undefined
    values.set(
      name,
      classes.map(({ witness }) => witness),
    )
  }
  return values
}

function samplesFor(
  { claims = {}, scopes = [] }: TokenCondition,
  values: ReadonlyMap<string, readonly string[]>,
): Sample[] {
  let samples: Sample[] = [{ claims: {}, scopes }]
  for (const [name, wanted] of Object.entries(claims)) {
    const globs = [wanted].flat().flatMap(one => (typeof one === 'string' ? [parseGlob(one)] : []))
    const fitting: unknown[] =
      globs.length === 0
        ? [wanted]
        : values.get(name)!.filter(text => globs.some(glob => matchGlob(glob, text)))
    samples = samples.flatMap(sample =>
      fitting.map(value => merge(sample, { claims: { [name]: [value] }, scopes: [] })),
    )
  }
  return samples
}

function merge(one: Sample, other: Sample): Sample {
  const claims: Record<string, readonly unknown[]> = { ...one.claims }
  for (const [name, list] of Object.entries(other.claims))
    claims[name] = [...new Set([...(claims[name] ?? []), ...list])]
  return { claims, scopes: [...new Set([...one.scopes, ...other.scopes])] }
}
