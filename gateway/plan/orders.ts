import { parseDuration, parseInstant } from '../values/units.ts'
import type { Risk } from './change.ts'

/** Compares two values of a field; undefined stands for an absent one. Returns the risks of the change; none if it has no effect. */
export type Order = (before: unknown, after: unknown) => readonly Risk[]

/** The field says nothing about access. */
export const neutral: Order = () => ['neutral']

/** The field decides who is let in, or what the upstream trusts, in a way that cannot be compared: any change may widen. */
export const unknown: Order = () => ['widens']

/** A change needs attention: clients, sessions or keys stop working as they are. */
export const breaks: Order = () => ['breaks']

/** A list of what is accepted: more items widen. An absent list accepts nothing. */
export const accepts: Order = (before, after) => compareLists(before, after, 'widens', 'narrows')

/** A list of what is required: more items narrow. */
export const requires: Order = (before, after) => compareLists(before, after, 'narrows', 'widens')

/** A list that limits something: an absent list is no limit. */
export const limits: Order = (before, after) => {
  if (before === undefined) return ['narrows']
  return after === undefined ? ['widens'] : accepts(before, after)
}

/** A protection: widens when it goes, narrows when it comes, and may widen when it changes. */
export const protects: Order = (before, after) =>
  before === undefined ? ['narrows'] : unknown(before, after)

/** A protection of which only the place changes, such as the file of a certificate. */
export const keeps: Order = (before, after) => {
  if (before === undefined) return ['narrows']
  return after === undefined ? ['widens'] : ['neutral']
}

/** The end of a validity: an absent one is never. */
export const ends: Order = (before, after) => byNumber(instant(before, Infinity), instant(after, Infinity))

/** The beginning of a validity: an absent one is since ever. */
export const begins: Order = (before, after) =>
  byNumber(-instant(before, -Infinity), -instant(after, -Infinity))

/** A duration for which something is accepted that otherwise is not. */
export const tolerates: Order = (before, after) => byNumber(duration(before), duration(after))

/** One of several values, the most permissive last. */
export function oneOf(...values: readonly unknown[]): Order {
  return (before, after) => byNumber(values.indexOf(before), values.indexOf(after))
}

function byNumber(before: number, after: number): readonly Risk[] {
  if (before === after) return []
  return after > before ? ['widens'] : ['narrows']
}

function compareLists(before: unknown, after: unknown, more: Risk, less: Risk): readonly Risk[] {
  const [was, is] = [before, after].map(list => new Set(itemsOf(list)))
  const added = [...is!].some(item => !was!.has(item))
  const removed = [...was!].some(item => !is!.has(item))
  return [...(added ? [more] : []), ...(removed ? [less] : [])]
}

function itemsOf(list: unknown): string[] {
  return Array.isArray(list) ? list.map(item => JSON.stringify(item)) : []
}

function instant(value: unknown, absent: number): number {
  try {
    return typeof value === 'string' ? parseInstant(value) : absent
  } catch {
    // It depends on a variable that is not set here.
    return absent
  }
}

function duration(value: unknown): number {
  try {
    return parseDuration(String(value))
  } catch {
    return Infinity
  }
}
