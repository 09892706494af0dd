import { callOf, hiddenCall, listOf, refusedCall, type Call } from './calls.ts'
import type { Credentials } from './credentials.ts'
import type { Size } from './gateway.ts'

/** The server that is called: the upstream, nginx or the bare relay in front of it, or a gateway of some size. */
export type Target = 'upstream' | 'nginx' | 'relay' | Size

/** One line of the table. */
export interface Row {
  readonly name: string
  /** Rows that are compared belong to one group. They are measured in turn, round by round, before the next group. */
  readonly group: string
  /** Description in a few words. */
  readonly title: string
  readonly target: Target
  readonly call: Call
  /** Concurrent connections (default: 64). */
  readonly connections?: number
  /** Calls per second (default: as many as possible). */
  readonly rate?: number | undefined
  /** Proxy of the gateway that is called (default: `mcp`). */
  readonly proxy?: string
  /** Whether its group gets more rounds, because the differences are small. */
  readonly often?: boolean
  /** Whether `--quick` measures it. */
  readonly quick: boolean
}

/** The gateway of most rows. */
export const plain: Size = { keys: 10, proxies: 1, workers: 1 }

/** Default number of connections. */
export const connections = 64
/** A gateway that serves several kinds of calls. Those that it is compared with serve one kind. */
const several: Size = { ...plain, apart: 'several' }

const manyConnections = 128
const rate = 1000

/** Returns every row that can be measured. */
export function allRows(credentials: Credentials): Row[] {
  const { reader, token } = credentials
  const events = callOf('get_events', reader)
  return [
    ...callRows(callOf('get_small', reader)),
    ...workerRows(callOf('get_small', reader)),
    ...compared('events', 'tools/call answered with events', events, true),
    ...listRows(reader),
    ...compared('call-4k', 'tools/call, 4 KiB each way', callOf('get_4k', reader), false),
    ...compared('call-256k', 'tools/call, 256 KiB each way', callOf('get_256k', reader), false),
    {
      name: 'token',
      group: 'call',
      title: 'Gatehouse, tools/call with a verified token',
      target: several,
      call: callOf('get_small', token),
      proxy: 'token',
      quick: false,
    },
    ...refusedRows(credentials),
    ...pacedRows(callOf('get_small', reader)),
  ]
}

/** The same call to nginx, to the bare relay and to Gatehouse. */
function compared(name: string, title: string, call: Call, quick: boolean): Row[] {
  const row = { group: name, call }
  const target = name === 'call' ? plain : several
  return [
    { ...row, name: `nginx-${name}`, title: `nginx, ${title}`, target: 'nginx', quick: name === 'call' },
    { ...row, name: `relay-${name}`, title: `bare relay, ${title}`, target: 'relay', quick },
    { ...row, name, title: `Gatehouse, ${title}`, target, quick },
  ]
}

function callRows(call: Call): Row[] {
  const row = { group: 'call', call, quick: true }
  return [
    { ...row, name: 'direct', title: 'upstream alone, tools/call', target: 'upstream', quick: false },
    ...compared('call', 'tools/call', call, true),
    {
      ...row,
      name: 'keys-10000',
      title: 'Gatehouse, tools/call, 10,000 keys',
      target: { ...plain, keys: 10_000 },
    },
    {
      ...row,
      name: 'proxies-500',
      title: 'Gatehouse, tools/call, 500 proxies',
      target: { ...plain, proxies: 500 },
    },
  ]
}

function workerRows(call: Call): Row[] {
  return [1, 2].map(count => ({
    name: `workers-${count}`,
    group: 'workers',
    title: `Gatehouse, tools/call, workers: ${count}`,
    target: { ...plain, workers: count },
    call,
    connections: manyConnections,
    often: true,
    quick: true,
  }))
}

function listRows(reader: string): Row[] {
  return [
    ...compared('list', 'tools/list of 20', listOf(reader, false), true).slice(0, 2),
    {
      name: 'list',
      group: 'list',
      title: 'Gatehouse, tools/list of 20, 10 left',
      target: several,
      call: listOf(reader, true),
      quick: true,
    },
  ]
}

function refusedRows({ reader, outsider, wrong }: Credentials): Row[] {
  const row = { group: 'call', target: several, quick: true }
  return [
    { ...row, name: 'hidden', title: 'Gatehouse, a hidden tool', call: hiddenCall(reader), quick: false },
    {
      ...row,
      name: 'refused-401',
      title: 'Gatehouse, 401 wrong key',
      call: refusedCall(wrong, 401, 'credential_invalid'),
    },
    {
      ...row,
      name: 'refused-403',
      title: 'Gatehouse, 403 no grant',
      call: refusedCall(outsider, 403, 'forbidden'),
    },
  ]
}

function pacedRows(call: Call): Row[] {
  const targets = [
    ['rate-direct', 'upstream alone', 'upstream'],
    ['rate-nginx', 'nginx', 'nginx'],
    ['rate-relay', 'bare relay', 'relay'],
    ['rate-call', 'Gatehouse', plain],
  ] as const
  return targets.map(([name, title, target]) => ({
    name,
    group: 'rate',
    title: `${title}, tools/call, 1,000/s`,
    target,
    call,
    rate,
    often: true,
    quick: false,
  }))
}
