import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hashSecret } from '../gateway/auth/api-key/key.ts'
import { audience, issuer, type Credentials } from './credentials.ts'

const root = join(import.meta.dirname, '..')

/** Size of a configuration. */
export interface Size {
  readonly keys: number
  readonly proxies: number
  readonly workers: number
  /** Distinguishes gateways of the same size, so that each is warmed up by its own calls. */
  readonly apart?: string
  /** Root folder of the checkout that is started (default: this one). */
  readonly checkout?: string
}

/** The ports of a gateway. */
export interface Ports {
  readonly port: number
  readonly admin: number
  readonly upstream: number
}

/**
 * Writes a gateway.yaml with key auth and tool rules, and defaults for everything else. The keys and the proxy that the
 * calls use come last. Replaces an existing file atomically.
 *
 * @param generation changes the secrets of all the keys that the calls do not use
 * @returns its path
 */
export function writeGateway(
  folder: string,
  { keys, proxies, workers }: Size,
  credentials: Credentials,
  { port, admin, upstream }: Ports,
  generation = 0,
): string {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'jwks.json'), credentials.jwks)
  const others = Array.from({ length: Math.max(0, keys - 2) }, (_, index) => otherKey(index, generation))
  const idle = Array.from({ length: proxies - 1 }, (_, index) =>
    proxy(`idle-${index}`, 'team-keys', upstream),
  )
  const path = join(folder, 'gateway.yaml')
  writeFileSync(
    `${path}.new`,
    `version: 1
listen: {address: "127.0.0.1:${port}", publicUrl: "http://127.0.0.1:${port}"}
admin: {address: "127.0.0.1:${admin}"}
workers: ${workers}
auth:
  team-keys: {type: api-key}
  sso: {type: jwt, issuer: "${issuer}", audiences: ["${audience}"], jwks: {file: jwks.json}, grants: [{roles: [reader]}]}
roles:
  reader: {access: {"*": {tools: {allow: ["get_*"], deny: ["get_secret*"]}}}}
  elsewhere: {access: {token: {tools: {allow: ["get_*"]}}}}
keys:
${others.join('')}  outsider: {roles: [elsewhere], secrets: [{hash: "${hashSecret(credentials.outsider)}"}]}
  reader: {roles: [reader], secrets: [{hash: "${hashSecret(credentials.reader)}"}]}
proxies:
${idle.join('')}${proxy('token', 'sso', upstream)}${proxy('mcp', 'team-keys', upstream)}`,
  )
  renameSync(`${path}.new`, path)
  return path
}

/** Returns the command that starts the gateway on a configuration. */
export function gatewayCommand(config: string, flags: readonly string[] = [], checkout = root): string[] {
  return [process.execPath, ...flags, join(checkout, 'gateway/main.ts'), 'run', '-c', config]
}

function otherKey(index: number, generation: number): string {
  return `  key-${index}: {roles: [reader], secrets: [{hash: "${hashSecret(`bench ${generation} ${index}`)}"}]}\n`
}

function proxy(name: string, method: string, upstream: number): string {
  return `  ${name}: {auth: [${method}], upstream: {url: "http://127.0.0.1:${upstream}/mcp"}}\n`
}
