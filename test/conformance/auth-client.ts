/**
 * The client that the suite runs for its `auth/*` scenarios: a gateway that is the OAuth client of the suite's server, and
 * an official client that lists the tools and calls one through it. The gateway's log goes to stderr, which the suite keeps
 * with the results. stdout is `called`, or `denied` after a 403.
 *
 * Arguments: the gateway's `main.ts`, and from the suite the URL of its server. MCP_CONFORMANCE_CONTEXT holds the
 * registration of the scenario, UPSTREAM_AUTH more fields of `upstream.auth`.
 */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from '../fixtures/clients.ts'
import { startGateway } from './gateway.ts'

type Context = {
  client_id?: string
  client_secret?: string
  private_key_pem?: string
  signing_algorithm?: string
  issuer?: string
}

const [program = '', url = ''] = process.argv.slice(2)
const modern = process.env['MCP_CONFORMANCE_PROTOCOL_VERSION'] === '2026-07-28'
const directory = await mkdtemp(join(tmpdir(), 'gatehouse-conformance-auth-'))
try {
  const upstream = { url, auth: await upstreamAuth() }
  const key = randomBytes(32).toString('base64url')
  const log = (line: string): void => console.error(line)
  const gateway = await startGateway(program, upstream, key, directory, log)
  try {
    const headers = { authorization: `Bearer ${key}` }
    const connection = await connect(gateway.url, { era: modern ? 'modern' : 'legacy', headers })
    for (const { name } of await connection.listTools()) await connection.callTool(name)
    await connection.close()
    console.log('called')
  } finally {
    await gateway.stop()
  }
} catch (error) {
  if ((error as { status?: number }).status === 403) console.log('denied')
  console.error(error)
  process.exitCode = 1
} finally {
  await rm(directory, { recursive: true })
}

async function upstreamAuth(): Promise<object> {
  const context = JSON.parse(process.env['MCP_CONFORMANCE_CONTEXT'] ?? '{}') as Context
  const { client_id = 'gatehouse', client_secret = 'secret', private_key_pem, signing_algorithm } = context
  const file = join(directory, 'credential')
  await writeFile(file, private_key_pem ?? client_secret)
  return {
    type: 'client-credentials',
    clientId: client_id,
    ...(private_key_pem === undefined
      ? { clientSecret: { file } }
      : { privateKey: { file }, algorithm: signing_algorithm }),
    ...(context.issuer !== undefined && { issuer: context.issuer }),
    ...(JSON.parse(process.env['UPSTREAM_AUTH'] ?? '{}') as object),
  }
}
