import { compileAccess, type ProxyAccess } from '../access/rules.ts'
import type { HeldAccess } from '../access/analysis/held-access.ts'
import { createDecisions } from '../access/decision-cache.ts'
import type { AuthMethod, Config } from '../../schema/config.ts'

/** One of the two configurations that are compared. */
export interface Side {
  readonly config: Config
  /** Milliseconds since the epoch. */
  readonly now: number
  /** Returns the compiled access rules of a proxy; undefined if it does not exist. */
  access(proxy: string): ProxyAccess | undefined
  /** Returns the auth methods that a proxy accepts; none if it is open to everyone or does not exist. */
  methods(proxy: string): readonly { readonly name: string; readonly method: AuthMethod }[]
}

/** Compiles a configuration for comparison. */
export function createSide(config: Config, now: number): Side {
  const compiled = new Map<string, ProxyAccess>()
  const decisions = createDecisions()
  const accepted = new Map<string, ReturnType<Side['methods']>>()
  return {
    config,
    now,
    access(name) {
      const proxy = Object.hasOwn(config.proxies, name) ? config.proxies[name] : undefined
      if (proxy === undefined) return undefined
      let access = compiled.get(name)
      if (access === undefined)
        compiled.set(name, (access = compileAccess(name, proxy, config.roles, decisions)))
      return access
    },
    methods(name) {
      let methods = accepted.get(name)
      if (methods === undefined) {
        const auth = Object.hasOwn(config.proxies, name) ? config.proxies[name]!.auth : 'none'
        methods = auth === 'none' ? [] : auth.map(one => ({ name: one, method: config.auth[one]! }))
        accepted.set(name, methods)
      }
      return methods
    },
  }
}

const closed = compileAccess('', { auth: [] }, {})
/** The access of a caller that a proxy does not accept. */
export const noAccess: HeldAccess = { proxy: closed, roles: [] }
