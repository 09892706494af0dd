import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'

/**
 * Starts an issuer to try the gateway with. It gives a token to everyone who asks, so use it for nothing else. It creates a
 * new key at every start. `/token?sub=ann&groups=platform&scope=mcp:read` returns a token with those claims.
 *
 * @param port the port; with 0 the system chooses one
 * @param audience the audience of its tokens, unless the query names another
 */
export async function startIssuer(
  port: number,
  audience: string,
): Promise<{ url: string; close(): Promise<void> }> {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const kid = randomUUID()
  const jwk = { ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' }

  async function answer(url: URL): Promise<string | undefined> {
    if (url.pathname === '/.well-known/openid-configuration')
      return JSON.stringify({ issuer, jwks_uri: `${issuer}/keys` })
    if (url.pathname === '/keys') return JSON.stringify({ keys: [jwk] })
    if (url.pathname !== '/token') return undefined
    const { groups, ...claims } = Object.fromEntries(url.searchParams)
    return new SignJWT({ sub: 'ann', ...claims, ...(groups !== undefined && { groups: groups.split(',') }) })
      .setProtectedHeader({ alg: 'ES256', kid, typ: 'at+jwt' })
      .setIssuer(issuer)
      .setAudience(url.searchParams.get('aud') ?? audience)
      .setIssuedAt()
      .setExpirationTime('10m')
      .sign(privateKey)
  }

  const server = createServer(async (request, response) => {
    const body = await answer(new URL(request.url ?? '/', issuer))
    response.writeHead(body === undefined ? 404 : 200, { 'content-type': 'application/json' })
    response.end(body ?? '{"error":"not here"}')
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url: issuer,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

if (import.meta.main) {
  const { url } = await startIssuer(7979, process.argv[2] ?? 'http://127.0.0.1:8080/mock/mcp')
  process.stdout.write(`issuer  ${url}\ntoken   curl -s '${url}/token?sub=ann&groups=platform'\n`)
}
