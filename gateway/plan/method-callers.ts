import type { AuthMethod } from '../../schema/config.ts'
import type { CallerClass } from './callers.ts'
import type { Side } from './side.ts'

/** Largest number of samples that are tried for one auth method. */
const maxSamples = 20_000

/** A type of auth method whose grants give roles by conditions, and the credentials that stand for all of its callers. */
export interface GrantingType<Method, Condition, Sample> {
  /** Returns whether an auth method is of this type. */
  includes(this: void, method: AuthMethod): method is Method & AuthMethod
  /** Returns a sample for every combination of at most two conditions; undefined if there are too many. */
  samplesOf(this: void, conditions: readonly Condition[]): readonly Sample[] | undefined
  /** Returns a function that returns the roles of the holder of a sample. */
  rolesBy(this: void, name: string, method: Method): (sample: Sample) => readonly string[]
  /** Names a sample for a reviewer. */
  label(this: void, name: string, sample: Sample): string
}

/**
 * Returns the callers of every auth method of a type, in both configurations. Samples that get the same roles before, and the
 * same after, are one caller.
 *
 * @returns undefined if there are too many samples
 */
export function methodCallers<
  Condition,
  Method extends { readonly grants: readonly { readonly when: Condition }[] },
  Sample,
>(before: Side, after: Side, type: GrantingType<Method, Condition, Sample>): CallerClass[] | undefined {
  const callers: CallerClass[] = []
  const sides = [before, after].map(({ config }) => methodsIn(config.auth, type.includes))
  for (const name of new Set(sides.flatMap(methods => [...methods.keys()]))) {
    const methods = sides.map(known => known.get(name))
    const conditions = methods.flatMap(method => method?.grants.map(({ when }) => when) ?? [])
    const samples = type.samplesOf(conditions)
    if (samples === undefined) return undefined
    const roles = methods.map(method => method && type.rolesBy(name, method))
    const seen = new Set<string>()
    for (const sample of samples) {
      const held = roles.map(rolesOf => rolesOf?.(sample))
      const id = JSON.stringify(held)
      if (seen.has(id)) continue
      seen.add(id)
      callers.push({
        labels: [type.label(name, sample)],
        rolesOn: (side, proxy) =>
          side.methods(proxy).some(one => one.name === name) ? held[side === before ? 0 : 1] : undefined,
      })
    }
  }
  return callers
}

function methodsIn<Method>(
  auth: Side['config']['auth'],
  includes: (method: AuthMethod) => method is Method & AuthMethod,
): Map<string, Method> {
  return new Map(
    Object.entries(auth).flatMap(([name, method]) => (includes(method) ? [[name, method] as const] : [])),
  )
}

/** Returns the conditions without repetitions. */
export function distinct<Condition>(conditions: readonly Condition[]): Condition[] {
  return [...new Map(conditions.map(when => [JSON.stringify(when), when])).values()]
}

/**
 * Returns the samples of each condition, and of each pair of conditions. More cannot matter: one grant allows a name, and one
 * may deny it.
 *
 * @param single the samples that satisfy each condition
 * @param merge returns the samples that satisfy what both of two samples do
 * @returns undefined if there are too many
 */
export function pairwise<Sample>(
  single: readonly (readonly Sample[])[],
  merge: (one: Sample, other: Sample) => readonly Sample[],
): Sample[] | undefined {
  const all = single.flat()
  for (const [index, ones] of single.entries()) {
    for (const others of single.slice(index + 1)) {
      if (all.length + ones.length * others.length > maxSamples) return undefined
      for (const one of ones) for (const other of others) all.push(...merge(one, other))
    }
  }
  return all.length > maxSamples ? undefined : all
}
