import type { Proxy, Rules } from '../../../schema/config.ts'
import { takesTokens } from '../../values/auth-type.ts'
import type { Path } from '../document/pointer.ts'
import type { Subject } from '../patterns/foreign-pattern.ts'
import { checkGlob } from './check-glob.ts'
import {
  entries,
  items,
  reportAt,
  type CheckContext,
  type DeepPartial,
  methodNamed,
} from './check-context.ts'

/** Kinds of names that rules match, and what their patterns are compared with. */
const subjects = {
  tools: 'name',
  prompts: 'prompt',
  resources: 'uri',
  methods: 'name',
} as const satisfies Record<string, Subject>
const kinds = Object.keys(subjects) as (keyof typeof subjects)[]

/** Checks that the patterns of access rules, scopes, grants and `forwardHeaders` are valid, and are globs. */
export function checkGlobs(context: CheckContext): void {
  checkInclude(context)
  for (const [name, role] of entries(context.config.roles)) {
    for (const [proxy, access] of entries(role.access))
      checkKinds(context, ['roles', name, 'access', proxy], access)
  }
  for (const [name, proxy] of entries(context.config.proxies)) {
    checkKinds(context, ['proxies', name], proxy)
    checkScopes(context, name, proxy)
    for (const [index, header] of items(proxy.upstream?.forwardHeaders)) {
      const path = ['proxies', name, 'upstream', 'forwardHeaders', index]
      checkGlob(context, header, path, { subject: 'header', use: 'allow' })
    }
  }
  for (const [name, method] of entries(context.config.auth)) {
    if (!takesTokens(method)) continue
    for (const [index, grant] of items(method.grants)) {
      for (const [claim, wanted] of entries(grant.when?.claims))
        checkClaim(context, ['auth', name, 'grants', index, 'when', 'claims', claim], wanted)
    }
  }
}

/** What the patterns of an item of `include` are compared with. */
const scopeSubjects = { owns: 'name', roles: 'name', env: 'name', files: 'text', hosts: 'text' } as const

function checkInclude(context: CheckContext): void {
  for (const [index, item] of items(context.config.include)) {
    if (typeof item === 'string') continue
    for (const [list, subject] of Object.entries(scopeSubjects)) {
      for (const [at, pattern] of items(item[list as keyof typeof scopeSubjects]))
        checkGlob(context, pattern, ['include', index, list, at], { subject, use: 'match' })
    }
  }
}

function checkClaim(context: CheckContext, path: Path, wanted: unknown): void {
  const patterns = Array.isArray(wanted)
    ? wanted.map((one, index) => [[...path, index], one])
    : [[path, wanted]]
  for (const [at, pattern] of patterns as [Path, unknown][]) {
    if (typeof pattern === 'string') checkGlob(context, pattern, at, { subject: 'text', use: 'match' })
  }
}

function checkKinds(context: CheckContext, path: Path, holder: { readonly [kind: string]: unknown }): void {
  for (const kind of kinds) {
    const rules = holder[kind] as DeepPartial<Rules> | undefined
    for (const use of ['allow', 'deny'] as const) {
      for (const [index, pattern] of items(rules?.[use]))
        checkGlob(context, pattern, [...path, kind, use, index], { subject: subjects[kind], use })
    }
  }
}

/** Checks that the patterns under `scopes` are valid, and that the proxy accepts tokens. */
function checkScopes(context: CheckContext, name: string, { auth, scopes }: DeepPartial<Proxy>): void {
  if (scopes === undefined) return
  for (const kind of ['tools', 'prompts', 'resources'] as const) {
    for (const [pattern] of entries(scopes[kind])) {
      const path = ['proxies', name, 'scopes', kind, pattern]
      checkGlob(context, pattern, path, { subject: subjects[kind], use: 'scopes', part: 'key' })
    }
  }
  const methods = typeof auth === 'string' ? [] : items(auth)
  const mayTakeTokens = methods.some(([, one]) => {
    const method = methodNamed(context, one)
    return method === undefined || takesTokens(method)
  })
  if (mayTakeTokens) return
  reportAt(context, 'GH1341', ['proxies', name, 'scopes'], {
    message: 'only tokens have scopes, and this proxy accepts no tokens',
    help: 'add an auth method of type `jwt` or `oauth`, or remove `scopes`',
    part: 'key',
  })
}
