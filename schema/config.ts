// Generated from gateway.schema.json by `npm run schema`; edit that file instead.

/**
 * A glob matches names: `*` stands for any characters, slashes and dots too, `?` for one character, and a backslash takes the next character literally.
 */
export type Glob = string
/**
 * One auth method. Its `type` selects the fields.
 */
export type AuthMethod = ApiKeyAuth | JwtAuth | MtlsAuth
/**
 * A scope is one word of printable ASCII without quotation marks and backslashes. `offline_access` is not allowed here: it concerns only the client and the issuer.
 */
export type Scope = string
/**
 * A name has 1 to 64 letters, digits, dots, underscores and hyphens, and begins with a letter or digit.
 */
export type Name = string
/**
 * How the gateway gets the token that it sends as `Authorization: Bearer` with every request. Its `type` selects the fields. The client's own token never goes upstream.
 */
export type UpstreamAuth = ClientCredentialsAuth | TokenExchangeAuth
/**
 * A list of scopes that a token needs, all of them.
 *
 * @minItems 1
 * @maxItems 100
 */
export type ScopeList = Scope[]

/**
 * The configuration of a gateway, and its whole state. An unknown field is an error at every level.
 */
export interface Config {
  /**
   * Version of the format. The only version so far is 1.
   */
  version: 1
  /**
   * Fragments to merge into this file, for example one per team. Each item is a path or glob relative to this file, or an object that restricts what the fragments may declare. A fragment may contain `auth`, `roles`, `keys` and `proxies`. A name that is declared twice is an error in both places.
   *
   * @maxItems 100
   */
  include: (string | Include)[]
  /**
   * Path of the revocations file, relative to this file. It lists keys, secrets, token subjects, tokens and certificates to refuse immediately. It is applied on its own, even while the configuration has errors, and is not part of the revision.
   */
  revocations?: string
  listen: Listen
  admin: Admin
  /**
   * Auth methods by name. An auth method is a way for clients to prove who they are. A proxy lists the methods that it accepts.
   */
  auth: {
    [k: string]: AuthMethod
  }
  /**
   * Roles by name. A role is a reusable set of access rules. Keys hold roles, and auth methods grant them.
   */
  roles: {
    [k: string]: Role
  }
  /**
   * Keys by name. A key is an identity with one or more hashed secrets. A key that is being rotated has several.
   */
  keys: {
    [k: string]: Key
  }
  /**
   * Proxies by name. A proxy is one public MCP endpoint and the upstream behind it.
   */
  proxies: {
    [k: string]: Proxy
  }
  sessions?: Sessions
  pepper?: SecretReference
  outbound: Outbound
  reload: Reload
  /**
   * Number of workers that serve clients, or `auto` for one per core that the gateway may use. Each worker has its own connections, streams, caches and upstream tokens. They share one log, one set of metrics and one status. With 1, the gateway serves in its main thread. Systems that cannot share a listening port (macOS, Windows) always use one. A change needs a restart.
   */
  workers: 'auto' | number
}
/**
 * Fragments that can touch only what belongs to them. They cannot declare or refer to anything that these fields do not name.
 */
export interface Include {
  /**
   * Path or glob of the fragments, relative to this file.
   */
  path: string
  /**
   * Patterns for the names of the proxies, roles, keys and auth methods that the fragments may declare. Their roles can grant access only to proxies with these names.
   *
   * @minItems 1
   * @maxItems 100
   */
  owns: Glob[]
  /**
   * Patterns for roles of the main file that the fragments may give to keys and in grants.
   *
   * @maxItems 100
   */
  roles: Glob[]
  /**
   * Patterns for environment variables that the fragments may refer to.
   *
   * @maxItems 100
   */
  env: Glob[]
  /**
   * Patterns for files that the fragments may refer to, as paths relative to this file. Symbolic links are followed, and their target must match too.
   *
   * @maxItems 100
   */
  files: Glob[]
  /**
   * Patterns for hosts that the fragments may name in upstreams, issuers and token endpoints, with or without a port.
   *
   * @maxItems 100
   */
  hosts: Glob[]
}
/**
 * The listener for MCP clients.
 */
export interface Listen {
  /**
   * Address to listen on. A loopback address is reachable only from the same machine. A change needs a restart.
   */
  address: string
  /**
   * Scheme, host and port of the URL that clients use, without a path. Requests may carry its host in the Host header.
   */
  publicUrl?: string
  /**
   * Additional values for the Host header, as host or host:port. Loopback names, IP addresses and the host of `publicUrl` are always allowed.
   *
   * @maxItems 100
   */
  allowedHosts: string[]
  /**
   * Origins of browser applications that may call the gateway, exactly as a browser sends them. Any other origin gets 403, except the gateway's own host.
   *
   * @maxItems 100
   */
  allowedOrigins: string[]
  /**
   * Names of further headers that browser applications may send. Those of MCP, of credentials and of tracing (`traceparent`, `tracestate`, `baggage`) are always allowed.
   *
   * @maxItems 100
   */
  allowedHeaders: string[]
  tls?: ListenTls
  timeout: ListenTimeout
  /**
   * Largest number of open client connections in all workers. The default, which is also the maximum, follows from the limit of open files (`ulimit -n`): a connection may need a second descriptor for its upstream, and the gateway reserves some for itself. At the limit, the connection that has been idle longest is closed. If none is idle, the new connection is closed.
   */
  maxConnections?: number
  /**
   * Time that a stopping gateway still serves new requests while `/readyz` already returns 503, so that load balancers send clients elsewhere first. Then it drains. The default is 5s if `/readyz` was requested in the last minute, and otherwise 0s.
   */
  grace?: string
  /**
   * Time that a stopping gateway waits for calls in flight before it closes their connections. With 0s it does not wait.
   */
  drain: string
}
/**
 * Serve HTTPS. Without this block the listener uses plain HTTP. The files are watched, and a change is applied without dropping connections. Adding or removing this block or `clientCa` needs a restart.
 */
export interface ListenTls {
  cert: SecretReference
  key: SecretReference
  clientCa?: SecretReference
  crl?: SecretReference
  /**
   * Oldest TLS version that the listener accepts.
   */
  minVersion: 'TLSv1.2' | 'TLSv1.3'
}
/**
 * A reference to a secret. The secret itself is never written in this file.
 */
export interface SecretReference {
  /**
   * Name of an environment variable.
   */
  env?: string
  /**
   * Path of a file, relative to the file that names it. One line break at its end is ignored. The file is watched.
   */
  file?: string
}
/**
 * Time limits for clients.
 */
export interface ListenTimeout {
  /**
   * Longest time for a whole request, headers and body, to arrive.
   */
  request: string
  /**
   * Longest time that a connection may stay idle between requests. Set it higher than the idle timeout of a load balancer in front of the gateway.
   */
  keepAlive: string
}
/**
 * The listener for operators: `/livez`, `/readyz`, `/status` and `/metrics`. It does not ask for a credential, so keep it on loopback or a private network.
 */
export interface Admin {
  /**
   * Address to listen on. A change needs a restart.
   */
  address: string
  /**
   * Additional values for the Host header, as host or host:port. Loopback names and the address that a request arrived at are always allowed. A change needs a restart.
   *
   * @maxItems 100
   */
  allowedHosts: string[]
}
/**
 * A shared secret that the client sends with every request. Its hash is listed under a key.
 */
export interface ApiKeyAuth {
  /**
   * Kind of auth method.
   */
  type: 'api-key'
  /**
   * Part of the request that carries the key. A query parameter ends up in browser histories and in the logs of proxies, so use it only for clients that support nothing else.
   */
  in: 'header' | 'cookie' | 'query'
  /**
   * Name of the header, cookie or query parameter.
   */
  name: string
  /**
   * Word before the key in a header, as in `Authorization: Bearer KEY`. An empty string means no word. The default is Bearer for the header Authorization, and no word for other headers. Auth methods of one proxy may read the same header with different schemes.
   */
  scheme?: string
}
/**
 * Access tokens from an issuer, sent as `Authorization: Bearer TOKEN`. The issuer signs them as JWTs. With the type `oauth`, the proxy also tells clients where to get a token (RFC 9728). For several issuers, declare several auth methods: the `iss` of a token selects one.
 */
export interface JwtAuth {
  /**
   * Kind of auth method. `jwt` accepts tokens that clients already have. `oauth` also tells other clients where to get one, and needs `listen.publicUrl`.
   */
  type: 'jwt' | 'oauth'
  /**
   * Value of `iss` in the tokens, character by character. Without `jwks`, it is also the URL whose metadata (OpenID Connect Discovery or RFC 8414) leads to the keys.
   */
  issuer: string
  jwks?: JwksSource
  /**
   * Accepted values of `aud`. A token must contain one of them. The default is the public URL of the proxy: `listen.publicUrl` and the path of the proxy.
   *
   * @minItems 1
   * @maxItems 100
   */
  audiences?: string[]
  /**
   * Clients whose tokens need no `aud`, for issuers that set none, such as Amazon Cognito. They are compared with `client_id` and `azp`. Such a token is valid for everything that accepts this client, not for this proxy only. A token with `aud` is judged by `audiences`, whatever its client. Without this field every token needs `aud`.
   *
   * @minItems 1
   * @maxItems 100
   */
  clients?: string[]
  /**
   * Name of the header that carries the token, with or without `Bearer` in front of it. It is never sent upstream. The default is `Authorization`, where `Bearer` is needed. Another header is for a proxy in front of the gateway that logs users in, so the type `oauth` cannot have one.
   */
  header?: string
  /**
   * Accepted signature algorithms. Algorithms with a shared secret and `none` are not supported.
   *
   * @minItems 1
   */
  algorithms: (
    | 'RS256'
    | 'RS384'
    | 'RS512'
    | 'PS256'
    | 'PS384'
    | 'PS512'
    | 'ES256'
    | 'ES384'
    | 'ES512'
    | 'EdDSA'
    | 'Ed25519'
  )[]
  /**
   * Largest difference between the clocks of the issuer and the gateway, at most 10m. With 0s no difference is tolerated.
   */
  clockSkew: string
  /**
   * Rules that give roles to tokens. All grants that match apply. A token that matches none is accepted, but has no access.
   *
   * @maxItems 1000
   */
  grants: TokenGrant[]
  introspection?: Introspection
}
/**
 * Source of the issuer's public keys, a JSON Web Key Set (RFC 7517), if they should not be discovered.
 */
export interface JwksSource {
  /**
   * URL of the key set. It is fetched again every 10 minutes, and when a token names an unknown key.
   */
  url?: string
  /**
   * Path of the key set, relative to the file that names it. The file is watched.
   */
  file?: string
}
/**
 * Roles for tokens that match a condition.
 */
export interface TokenGrant {
  when: TokenCondition
  /**
   * Roles that these tokens hold.
   *
   * @minItems 1
   * @maxItems 100
   */
  roles: Name[]
}
/**
 * Conditions for a token. It must match every claim and have every scope. An empty condition matches every token.
 */
export interface TokenCondition {
  /**
   * Expected claims by name. A dot leads into an object, as in `realm_access.roles`, unless a claim has the whole name. Text is a glob, and one of several globs must match. If a claim is a list, one of its items must match.
   */
  claims?: {
    /**
     * A glob, a list of globs, or an exact number or boolean.
     */
    [k: string]: string | number | boolean | string[]
  }
  /**
   * Scopes that the token must have, all of them, in its claim `scope` or `scp`.
   *
   * @minItems 1
   * @maxItems 100
   */
  scopes?: Scope[]
}
/**
 * Ask the issuer about tokens that are not JWTs (RFC 7662). Without this block such tokens are refused. The gateway authenticates to the issuer as a client, with either `clientSecret` or `privateKey`. An answer is cached for at most 60 seconds.
 */
export interface Introspection {
  /**
   * URL of the introspection endpoint. It must use https unless its host is loopback. The default is the `introspection_endpoint` in the issuer's metadata.
   */
  url?: string
  /**
   * Tokens to ask the issuer about. `opaque`: only tokens that are not JWTs. `all`: JWTs too, after their signature is verified, so that a revoked one is refused before it expires.
   */
  tokens: 'opaque' | 'all'
  /**
   * Client ID of the gateway at the issuer.
   */
  clientId: string
  clientSecret?: SecretReference
  /**
   * How to send the client secret: `client_secret_basic` in the Authorization header, or `client_secret_post` in the body. It has no effect with `privateKey`.
   */
  method: 'client_secret_basic' | 'client_secret_post'
  privateKey?: SecretReference
  /**
   * Key ID (`kid`) of the private key, for issuers that know several keys of this client. Without this field the assertion has no `kid`.
   */
  keyId?: string
  /**
   * Signature algorithm of the assertion. The default depends on the key: RS256 for RSA; ES256, ES384 or ES512 for an elliptic curve; EdDSA for Ed25519.
   */
  algorithm?:
    'RS256' | 'RS384' | 'RS512' | 'PS256' | 'PS384' | 'PS512' | 'ES256' | 'ES384' | 'ES512' | 'EdDSA'
}
/**
 * The client certificate of the connection, verified against `listen.tls.clientCa`. If TLS ends in front of the gateway, the certificate can come from a header. The certificate decides only if the request carries no other credential.
 */
export interface MtlsAuth {
  /**
   * Kind of auth method.
   */
  type: 'mtls'
  /**
   * Rules that give roles to certificates. All grants that match apply. A certificate that matches none has no access.
   *
   * @minItems 1
   * @maxItems 1000
   */
  grants: CertificateGrant[]
  from?: CertificateHeader
}
/**
 * Roles for certificates that match every condition.
 */
export interface CertificateGrant {
  when: CertificateCondition
  /**
   * Roles that such a certificate holds.
   *
   * @minItems 1
   * @maxItems 100
   */
  roles: Name[]
}
/**
 * Conditions for a certificate. It must match all fields.
 */
export interface CertificateCondition {
  /**
   * Glob for a subject alternative name, or a list of globs of which one must match. A pattern with a colon matches URIs, one with an @ matches email addresses, and any other matches DNS names. `*` alone matches any name.
   */
  san?: string | Glob[]
  /**
   * A glob matches names: `*` stands for any characters, slashes and dots too, `?` for one character, and a backslash takes the next character literally.
   */
  subject?: string
  /**
   * SHA-256 fingerprint of the certificate in hex, with or without colons, as `openssl x509 -fingerprint -sha256` prints it.
   */
  fingerprint?: string
}
/**
 * A header with the client certificate, for TLS that ends in front of the gateway: PEM, URL-encoded or not; base64 DER; the form of RFC 9440; or the `X-Forwarded-Client-Cert` of Envoy. Of several certificates, only the first counts, and of several elements of Envoy, only the last. The header is trusted only from the listed addresses, and is never forwarded.
 */
export interface CertificateHeader {
  /**
   * Name of the header. The proxy in front of the gateway must set it itself, and drop it if a client sends it.
   */
  header: string
  /**
   * Addresses or networks of the trusted proxies in front of the gateway.
   *
   * @minItems 1
   * @maxItems 100
   */
  proxies: string[]
  ca: SecretReference
  crl?: SecretReference
}
/**
 * A named, reusable set of access rules.
 */
export interface Role {
  /**
   * Purpose of the role.
   */
  description?: string
  /**
   * Access by proxy name. `"*"` stands for every proxy.
   */
  access: {
    [k: string]: Access
  }
}
/**
 * Access to one proxy. A kind that is not listed is not granted.
 */
export interface Access {
  tools?: Rules
  prompts?: Rules
  resources?: Rules
  methods?: MethodRules
}
/**
 * Allowed and denied names, as globs. A deny overrides every allow.
 */
export interface Rules {
  /**
   * Allowed names. A role grants only what it allows. On a proxy, a missing list allows everything.
   *
   * @maxItems 1000
   */
  allow?: Glob[]
  /**
   * Denied names. They override every allow.
   *
   * @maxItems 1000
   */
  deny: Glob[]
}
/**
 * Allowed and denied methods, as globs. Without this field, all methods of MCP and of its extensions for tasks and skills pass, and any other is refused as unknown. Methods that name or list tools, prompts or resources pass unless they are denied, because the names are checked. `initialize`, `notifications/initialized`, `ping`, `server/discover` and `notifications/cancelled` always pass.
 */
export interface MethodRules {
  /**
   * Allowed methods, in addition to those that are checked by name. All others are refused.
   *
   * @maxItems 1000
   */
  allow?: Glob[]
  /**
   * Denied methods. They override every allow.
   *
   * @maxItems 1000
   */
  deny: Glob[]
}
/**
 * An identity that authenticates with a secret.
 */
export interface Key {
  /**
   * Person or team responsible for the key.
   */
  owner?: string
  /**
   * Purpose of the key.
   */
  description?: string
  /**
   * Roles that the key holds.
   *
   * @minItems 1
   * @maxItems 100
   */
  roles: Name[]
  /**
   * Refuse the key and end its open streams.
   */
  disabled: boolean
  /**
   * Start of validity. The key is refused before this instant.
   */
  notBefore?: string
  /**
   * End of validity. The key is refused from this instant on, and its open streams end.
   */
  expires?: string
  /**
   * SHA-256 fingerprint of a client certificate in hex. The key is accepted only on a connection that presents this certificate. Without this field the secret alone is enough.
   */
  certificate?: string
  /**
   * Hashes of the secrets that the key accepts. Two overlap while a key is being rotated.
   *
   * @minItems 1
   * @maxItems 10
   */
  secrets: KeySecret[]
}
/**
 * One hashed secret of a key.
 */
export interface KeySecret {
  /**
   * Hash of the secret: `sha256:` and its SHA-256, or `hmac-sha256:` and its HMAC-SHA-256 under the pepper, in lower-case hex. For a password that someone chose, `argon2id:` and its PHC string. `gatehouse keys new` creates a secret and its hash, and `gatehouse keys hash` hashes an existing secret.
   */
  hash: string
  /**
   * Start of validity. The secret is refused before this instant.
   */
  notBefore?: string
  /**
   * End of validity. The secret is refused from this instant on, and streams that it opened end.
   */
  expires?: string
}
/**
 * One public MCP endpoint and the upstream behind it.
 */
export interface Proxy {
  /**
   * Purpose of the proxy. The auth method `oauth` publishes it as the name of the resource.
   */
  description?: string
  /**
   * Path of the endpoint, matched exactly, except that a request may have a slash at its end. The default is `/NAME/mcp`.
   */
  path?: string
  /**
   * Auth methods that the proxy accepts, or the word `none`, which opens the proxy to everyone.
   */
  auth: 'none' | Name[]
  upstream: Upstream
  tools?: Rules
  prompts?: Rules
  resources?: Rules
  methods?: MethodRules
  scopes?: Scopes
  /**
   * Largest request body, at most 64MiB. A larger body is refused with 413, or with an error of the call in legacy sessions.
   */
  maxBody: string
  /**
   * Longest silence of a stream before the gateway writes an SSE comment, so that proxies in between do not close it. Streams are checked every quarter of a second.
   */
  keepAlive: string
}
/**
 * The MCP server that a proxy forwards to.
 */
export interface Upstream {
  /**
   * URL of the MCP endpoint. Nothing is appended to it.
   */
  url: string
  /**
   * The Host header to send, for servers that accept only a certain one. It changes neither the connection nor the certificate check. Without this field, it is the host of `url`.
   */
  host?: string
  proxy?: SecretReference
  /**
   * Headers to send with every request. They replace headers of the same name from the client. Write credentials as references to an environment variable or a file.
   */
  headers: {
    [k: string]: HeaderValue
  }
  /**
   * Names or patterns of client headers to forward, in addition to those of MCP (`Accept`, `Last-Event-ID`, `MCP-Protocol-Version`, `Mcp-*`). Without this field, all client headers are forwarded except credentials and headers that a client could forge.
   *
   * @maxItems 100
   *
   * Items: A header name, in which `*` stands for any characters.
   */
  forwardHeaders?: string[]
  /**
   * Query parameters to add to the URL of every request. Write credentials as references to an environment variable or a file.
   */
  query: {
    [k: string]: QueryValue
  }
  auth?: UpstreamAuth
  caller?: Caller
  tls?: UpstreamTls
  timeout: UpstreamTimeout
}
/**
 * The value of a header: a reference to a secret, or text that is not secret.
 */
export interface HeaderValue {
  /**
   * Name of an environment variable.
   */
  env?: string
  /**
   * Path of a file, relative to the file that names it. One line break at its end is ignored. The file is watched.
   */
  file?: string
  /**
   * Text that is not secret. It is refused for Authorization, Cookie and names that look like credentials.
   */
  value?: string
  /**
   * Word to send before the value, as in `Authorization: Bearer TOKEN`. Without this field, and with an empty string, the value is sent as it is.
   */
  scheme?: string
}
/**
 * The value of a query parameter: a reference to a secret, or text that is not secret.
 */
export interface QueryValue {
  /**
   * Name of an environment variable.
   */
  env?: string
  /**
   * Path of a file, relative to the file that names it. One line break at its end is ignored. The file is watched.
   */
  file?: string
  /**
   * Text that is not secret. It is refused for names that look like credentials.
   */
  value?: string
}
/**
 * OAuth client credentials (RFC 6749 section 4.4). The gateway is a client of the authorization server that the upstream trusts. It authenticates with either `clientSecret` or `privateKey`.
 */
export interface ClientCredentialsAuth {
  /**
   * Kind of upstream authentication.
   */
  type: 'client-credentials'
  /**
   * URL of the token endpoint. It must use https unless its host is loopback. Without this field it is discovered: the upstream's metadata (RFC 9728) names the issuer, whose metadata (RFC 8414) names the endpoint.
   */
  tokenUrl?: string
  /**
   * The only authorization server that discovery may use, exactly as it writes its own name. Do not combine it with `tokenUrl`. Without this field, the upstream chooses, but a `clientSecret` is sent only to the upstream's own host.
   */
  issuer?: string
  /**
   * Client ID of the gateway at the authorization server.
   */
  clientId: string
  clientSecret?: SecretReference
  /**
   * How to send the client secret: `client_secret_basic` in the Authorization header, or `client_secret_post` in the body. It has no effect with `privateKey`. The default is `client_secret_basic`, or, for a discovered authorization server, a method that it supports.
   */
  method?: 'client_secret_basic' | 'client_secret_post'
  privateKey?: SecretReference
  /**
   * Key ID (`kid`) of the private key, for authorization servers that know several keys of this client. Without this field the assertion has no `kid`.
   */
  keyId?: string
  /**
   * Signature algorithm of the assertion. The default depends on the key: RS256 for RSA; ES256, ES384 or ES512 for an elliptic curve; EdDSA for Ed25519.
   */
  algorithm?:
    'RS256' | 'RS384' | 'RS512' | 'PS256' | 'PS384' | 'PS512' | 'ES256' | 'ES384' | 'ES512' | 'EdDSA'
  /**
   * Scopes to request, separated by spaces. Without this field the authorization server decides.
   */
  scope?: string
  /**
   * Absolute URI, without a fragment, of the resource that the token is for (RFC 8707), or `none` to send none. The default is `upstream.url` without its query, or nothing if there is an `audience`. If the token endpoint is discovered, the upstream's metadata must contain the same URI.
   */
  resource?: string
  /**
   * Value of the parameter `audience`, for authorization servers that need it. Without this field it is not sent.
   */
  audience?: string
}
/**
 * OAuth token exchange (RFC 8693). The gateway exchanges the caller's access token at the authorization server and sends the new token upstream, so that the upstream knows the caller. All auth methods of the proxy must accept tokens. The gateway authenticates with either `clientSecret` or `privateKey`.
 */
export interface TokenExchangeAuth {
  /**
   * Kind of upstream authentication.
   */
  type: 'token-exchange'
  /**
   * URL of the token endpoint. It must use https unless its host is loopback.
   */
  tokenUrl: string
  /**
   * Client ID of the gateway at the authorization server.
   */
  clientId: string
  clientSecret?: SecretReference
  /**
   * How to send the client secret: `client_secret_basic` in the Authorization header, or `client_secret_post` in the body. It has no effect with `privateKey`.
   */
  method: 'client_secret_basic' | 'client_secret_post'
  privateKey?: SecretReference
  /**
   * Key ID (`kid`) of the private key, for authorization servers that know several keys of this client. Without this field the assertion has no `kid`.
   */
  keyId?: string
  /**
   * Signature algorithm of the assertion. The default depends on the key: RS256 for RSA; ES256, ES384 or ES512 for an elliptic curve; EdDSA for Ed25519.
   */
  algorithm?:
    'RS256' | 'RS384' | 'RS512' | 'PS256' | 'PS384' | 'PS512' | 'ES256' | 'ES384' | 'ES512' | 'EdDSA'
  /**
   * Scopes to request, separated by spaces. Without this field the authorization server decides.
   */
  scope?: string
  /**
   * Absolute URI, without a fragment, of the resource that the token is for (RFC 8707), or `none` to send none. The default is `upstream.url` without its query, or nothing if there is an `audience`.
   */
  resource?: string
  /**
   * Name that the authorization server has for the upstream, such as a client ID. Without this field it is not sent.
   */
  audience?: string
  /**
   * Type of token to request: an access token in any form, or a JWT.
   */
  requestedTokenType: 'access_token' | 'jwt'
}
/**
 * Headers that tell the upstream who called. Headers with these names from a client are dropped. In values, characters outside visible ASCII, commas and percent signs are percent-encoded. Without this block these headers are not sent.
 */
export interface Caller {
  /**
   * Name of the header for the principal: the name of a key, or `anonymous` on a proxy with `auth: none`.
   */
  principal: string
  /**
   * Name of the header for the kind of credential, such as `key` or `anonymous`. Without this field it is not sent.
   */
  kind?: string
  /**
   * Name of the header for the roles of the principal, separated by commas. Without this field it is not sent.
   */
  roles?: string
  /**
   * Names of headers for claims of the caller's token, by claim. A dot leads into an object, as in `realm_access.roles`, unless a claim has the whole name. Text, numbers, booleans and lists of them (separated by commas) are sent. Other values, values longer than 8192 characters and missing claims are left out. Without this field no claims are sent.
   */
  claims?: {
    /**
     * Name of the header for the claim.
     */
    [k: string]: string
  }
}
/**
 * TLS settings for an https upstream. Its certificate is always verified, and this cannot be switched off.
 */
export interface UpstreamTls {
  ca?: SecretReference
  cert?: SecretReference
  key?: SecretReference
  /**
   * Host name that the upstream's certificate must be valid for. It is also sent to the upstream (SNI). The default is the host of `upstream.url`.
   */
  serverName?: string
}
/**
 * Time limits for the upstream.
 */
export interface UpstreamTimeout {
  /**
   * Longest time for the upstream to accept a connection.
   */
  connect: string
  /**
   * Longest time for the upstream to begin its response to a call. Without this field, it is as long as `idle`: many servers send nothing before the result.
   */
  response?: string
  /**
   * Longest time between two pieces of a response. Streams that may be silent (GET and `subscriptions/listen`) are exempt.
   */
  idle: string
}
/**
 * Scopes that a token needs in its claim `scope` or `scp`, in addition to a role that allows the operation. Keys and certificates have no scopes and are not checked.
 */
export interface Scopes {
  /**
   * Scopes that a token needs for every request.
   *
   * @maxItems 100
   */
  required: Scope[]
  tools: ScopeMap
  prompts: ScopeMap
  resources: ScopeMap
}
/**
 * Required scopes by glob. A name needs the scopes of every pattern that matches it.
 */
export interface ScopeMap {
  [k: string]: ScopeList
}
/**
 * Sealing of what the upstream gives to one caller: legacy sessions, tasks and `requestState`.
 */
export interface Sessions {
  secret?: SecretReference
}
/**
 * Destinations of requests that the gateway makes itself: for tokens, keys, metadata and introspection. A host that this configuration names may be anywhere. A host that only a metadata document names must use https and a public address, unless it is listed here.
 */
export interface Outbound {
  /**
   * Internal hosts, without a port, that a metadata document may point to.
   *
   * @maxItems 100
   */
  allowedHosts: string[]
}
/**
 * How changed files come into force.
 */
export interface Reload {
  /**
   * Time for which the files must not change before they are read, so that no half-written file comes into force. A file that is only the beginning of what it was must not change for 2s, because someone may still be writing it. SIGHUP skips that longer wait.
   */
  settle: string
}
