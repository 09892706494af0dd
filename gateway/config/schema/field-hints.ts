const noRateLimits = 'remove the field: rates are limited in a proxy in front, such as nginx'
const bridge =
  'run the server behind a bridge to HTTP, such as `supergateway`, and write its `url` under `upstream`'
const fixedToken = 'write `headers: {Authorization: {env: TOKEN, scheme: Bearer}}` for a fixed token'
const scheme = 'write `scheme: Bearer` for a word before the value'
const origins = 'list the origins of browser applications under `listen.allowedOrigins`'
const hashed = 'write the hash of the secret under `secrets`: `secrets: [{hash: "sha256:…"}]`'
const byProxy = 'write it under a proxy: `access: {mock: {tools: {allow: [get_*]}}}`'
const byKind = 'write it under a kind: `tools: {allow: [get_*]}`'

/** Fields of any block, in lower case without separators. */
const everywhere: Readonly<Record<string, string>> = {
  ratelimit: noRateLimits,
  ratelimits: noRateLimits,
  ratelimiting: noRateLimits,
  throttle: noRateLimits,
  throttling: noRateLimits,
  quota: noRateLimits,
  cors: origins,
}

const stdio = { command: bridge, args: bridge, stdio: bridge, cwd: bridge }

/** Fields that users of other programs expect, by the title of the block. */
const byBlock: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  Config: {
    mcpservers: 'declare each server under `proxies`',
    servers: 'declare each server under `proxies`',
    routes: 'declare each endpoint under `proxies`',
    users: 'declare identities under `keys`',
    apikeys: 'declare identities under `keys`',
    port: 'write `listen: {address: "127.0.0.1:8080"}`',
    host: 'write `listen: {address: "127.0.0.1:8080"}`',
  },
  Proxy: { ...stdio, roles: 'name the proxy under `access` of a role' },
  Upstream: {
    ...stdio,
    env: bridge,
    transport: 'remove the field: every upstream is reached over Streamable HTTP',
    type: 'remove the field: every upstream is reached over Streamable HTTP',
    token: fixedToken,
    bearer: fixedToken,
    authorization: fixedToken,
    apikey: 'write `headers: {X-API-Key: {env: API_KEY}}`',
    retries: 'remove the field: a call that was sent is not repeated',
    retry: 'remove the field: a call that was sent is not repeated',
  },
  HeaderValue: { prefix: scheme, type: scheme, template: scheme, format: scheme },
  QueryValue: {
    scheme: 'remove the field: only headers have a word before the value',
    prefix: 'remove the field: only headers have a word before the value',
  },
  ApiKeyAuth: {
    header: 'write `name: X-API-Key`',
    prefix: 'write `scheme: Bearer` for a word before the key',
    keys: 'declare keys under `keys` at the top level',
    secrets: 'declare keys under `keys` at the top level',
  },
  JwtAuth: {
    jwksuri: 'write `jwks: {url: "https://idp.example.com/keys"}`',
    jwksurl: 'write `jwks: {url: "https://idp.example.com/keys"}`',
    secret: 'remove the field: tokens with a shared secret are not accepted',
    roles: 'give roles by `grants`, such as `[{when: {scopes: [mcp:read]}, roles: [reader]}]`',
  },
  Key: {
    hash: hashed,
    secret: hashed,
    key: hashed,
    token: hashed,
    value: hashed,
    access: 'write access rules in a role',
  },
  KeySecret: { secret: hashed, value: hashed, key: hashed },
  Role: {
    tools: byProxy,
    prompts: byProxy,
    resources: byProxy,
    methods: byProxy,
    allow: byProxy,
    deny: byProxy,
  },
  Access: { allow: byKind, deny: byKind },
  Rules: {
    except: 'write it under `deny`',
    exclude: 'write it under `deny`',
    block: 'write it under `deny`',
  },
}

/** Returns the help for a field that does not exist but that others expect in this block; undefined for any other. */
export function hintForField(block: string | undefined, name: string): string | undefined {
  const plain = name.toLowerCase().replaceAll(/[^a-z]/g, '')
  const own = byBlock[block ?? ''] ?? {}
  return Object.hasOwn(own, plain)
    ? own[plain]
    : Object.hasOwn(everywhere, plain)
      ? everywhere[plain]
      : undefined
}

const types: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'api-key': {
    bearer: 'use `api-key` for keys, or `jwt` for tokens of an issuer',
    token: 'use `api-key` for keys, or `jwt` for tokens of an issuer',
    basic: 'use `api-key`: user names and passwords are not supported',
    oidc: 'use `oauth`, or `jwt` for clients that have a token already',
    openid: 'use `oauth`, or `jwt` for clients that have a token already',
    none: 'write `auth: none` on the proxy',
  },
  'client-credentials': {
    bearer: fixedToken,
    token: fixedToken,
    header: fixedToken,
    basic: 'write `headers: {Authorization: {env: CREDENTIALS, scheme: Basic}}`',
    apikey: 'write `headers: {X-API-Key: {env: API_KEY}}`',
    none: 'remove `auth`',
  },
}

/** Returns the help for a `type` that does not exist but that others expect beside the known ones; undefined for any other. */
export function hintForType(known: readonly string[], type: string): string | undefined {
  const hints = types[known[0] ?? ''] ?? {}
  const plain = type.toLowerCase().replaceAll(/[^a-z]/g, '')
  return Object.hasOwn(hints, plain) ? hints[plain] : undefined
}

const unbraced = /\$([A-Za-z_][A-Za-z0-9_]*)|%([A-Z][A-Z0-9_]*)%|\{\{[ .]*([A-Za-z_][A-Za-z0-9_]*)[ .]*\}\}/

/** Returns the help for a text with a variable in the notation of another program, such as `$NAME`; undefined for none. */
export function hintForVariable(written: string): string | undefined {
  const [, ...names] = unbraced.exec(written) ?? []
  const name = names.find(one => one !== undefined)
  return name === undefined ? undefined : `write \`\${${name}}\` for an environment variable`
}
