import type { Key } from '../../schema/config.ts'
import { isUsable } from '../values/window.ts'
import type { CallerClass } from './callers.ts'
import type { Side } from './side.ts'

/** Returns the keys of two configurations as callers: keys with the same roles before, and the same after, are one class. */
export function keyCallers(before: Side, after: Side): CallerClass[] {
  const names = new Set([...Object.keys(before.config.keys), ...Object.keys(after.config.keys)])
  const classes = new Map<string, { labels: string[]; held: (readonly string[] | undefined)[] }>()
  for (const name of names) {
    const held = [before, after].map(side => rolesOf(name, side))
    const id = JSON.stringify(held)
    const known = classes.get(id)
    if (known === undefined) classes.set(id, { labels: [`key ${name}`], held })
    else known.labels.push(`key ${name}`)
  }
  return [...classes.values()].map(({ labels, held }) => ({
    labels,
    rolesOn: (side, proxy) =>
      side.methods(proxy).some(({ method }) => method.type === 'api-key')
        ? held[side === before ? 0 : 1]
        : undefined,
  }))
}

/** Returns the roles of a key; undefined if it does not exist, is disabled, or has no secret that works or will. */
function rolesOf(name: string, { config, now }: Side): readonly string[] | undefined {
  const key: Key | undefined = Object.hasOwn(config.keys, name) ? config.keys[name] : undefined
  return key !== undefined && isUsable(key, now) ? key.roles : undefined
}
