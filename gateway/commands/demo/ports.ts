import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Io } from '../cli/io.ts'

const usual = { gateway: 8080, admin: 9090, mock: 7878 }

/** Ports on 127.0.0.1; 0 lets the system choose. */
export type Ports = Readonly<Record<keyof typeof usual, number>>

/** Returns the usual ports, with 0 for each that is in use, which is reported on stderr. `ephemeral` returns 0 for all. */
export async function choosePorts(ephemeral: boolean, io: Pick<Io, 'stderr'>): Promise<Ports> {
  const chosen = { gateway: 0, admin: 0, mock: 0 }
  if (ephemeral) return chosen
  for (const name of Object.keys(usual) as (keyof typeof usual)[]) {
    if (await isFree(usual[name])) chosen[name] = usual[name]
    else io.stderr(`port ${usual[name]} is in use; ${words[name]} listens on another port\n`)
  }
  return chosen
}

const words = { gateway: 'the gateway', admin: "the gateway's admin listener", mock: 'the mock server' }

async function isFree(port: number): Promise<boolean> {
  const probe = createServer()
  probe.listen(port, '127.0.0.1')
  try {
    await once(probe, 'listening')
  } catch {
    return false
  }
  probe.close()
  await once(probe, 'close')
  return true
}
