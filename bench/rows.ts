import { callOf, hiddenCall, listOf, refusedCall, type Call } from './calls.ts'
import type { Credentials } from './credentials.ts'
import type { Size } from './gateway.ts'

/** What is called: the upstream itself, nginx or the bare relay before it, or a gateway of some size. */
export type Target = 'upstream' | 'nginx' | 'relay' | Size

/** One line of the table. */
export interface Row {
  readonly name: string
  /** Rows of one group are measured in turn, round by round, before the next group: what is compared belongs to one. */
  readonly group: string
  /** What is measured, in a few words. */
  readonly title: string
  readonly target: Target
  readonly call: Call
  /** How many call at once; 64 where it is missing. */
  readonly connections?: number
  /** Calls a second; as many as can be where it is missing. */
  readonly rate?: number | undefined
  /** The proxy of the gateway that is called; `mcp` where it is missing. */
  readonly proxy?: string
  /** Whether its group is measured more often than others, because what is compared hardly differs. */
  readonly often?: boolean
  /** Whether `--quick` measures it. */
  readonly quick: boolean
}

/** The gateway that most rows are about. */
export const plain: Size = { keys: 10, proxies: 1, workers: 1 }

/** How many connections a row has that does not say. */
export const connections = 64
/** Serves several kinds of calls; the one that it is compared with serves one kind, like the larger ones. */
const several: Size = { ...plain, apart: 'several' }

const manyConnections = 128
const rate = 1000

/** Every row that can be measured. */
export function allRows(credentials: Credentials): Row[] {
  const { reader, outsider, wrong, token } = credentials
  const small = callOf('get_small', reader)
  const events = callOf('get_events', reader)
  const four = callOf('get_4k', reader)
  const large = callOf('get_256k', reader)
  const all = (name: string, title: string, call: Call, quick: boolean): Row[] => [
    {
      name: `nginx-${name}`,
      group: name,
      title: `nginx, ${title}`,
      target: 'nginx',
      call,
      quick: name === 'call',
    },
    { name: `relay-${name}`, group: name, title: `bare relay, ${title}`, target: 'relay', call, quick },
    {
      name,
      group: name,
      title: `Gatehouse, ${title}`,
      target: name === 'call' ? plain : several,
      call,
      quick,
    },
  ]
  const workers = [1, 2].map(count => ({
    name: `workers-${count}`,
    group: 'workers',
    title: `Gatehouse, tools/call, workers: ${count}`,
    target: { ...plain, workers: count },
    call: small,
    connections: manyConnections,
    often: true,
    quick: true,
  }))
  const saturated: Row[] = [
    {
      name: 'direct',
      group: 'call',
      title: 'upstream alone, tools/call',
      target: 'upstream',
      call: small,
      quick: false,
    },
    ...all('call', 'tools/call', small, true),
    {
      name: 'keys-10000',
      group: 'call',
      title: 'Gatehouse, tools/call, 10,000 keys',
      target: { ...plain, keys: 10_000 },
      call: small,
      quick: true,
    },
    {
      name: 'proxies-500',
      group: 'call',
      title: 'Gatehouse, tools/call, 500 proxies',
      target: { ...plain, proxies: 500 },
      call: small,
      quick: true,
    },
    ...workers,
    ...all('events', 'tools/call answered with events', events, true),
    ...all('list', 'tools/list of 20', listOf(reader, false), true).slice(0, 2),
    {
      name: 'list',
      group: 'list',
      title: 'Gatehouse, tools/list of 20, 10 left',
      target: several,
      call: listOf(reader, true),
      quick: true,
    },
    ...all('call-4k', 'tools/call, 4 KiB each way', four, false),
    ...all('call-256k', 'tools/call, 256 KiB each way', large, false),
    {
      name: 'token',
      group: 'call',
      title: 'Gatehouse, tools/call with a verified token',
      target: several,
      call: callOf('get_small', token),
      proxy: 'token',
      quick: false,
    },
    {
      name: 'hidden',
      group: 'call',
      title: 'Gatehouse, a hidden tool',
      target: several,
      call: hiddenCall(reader),
      quick: false,
    },
    {
      name: 'refused-401',
      group: 'call',
      title: 'Gatehouse, 401 wrong key',
      target: several,
      call: refusedCall(wrong, 401, 'credential_invalid'),
      quick: true,
    },
    {
      name: 'refused-403',
      group: 'call',
      title: 'Gatehouse, 403 no grant',
      target: several,
      call: refusedCall(outsider, 403, 'forbidden'),
      quick: true,
    },
  ]
  const paced = (
    [
      ['rate-direct', 'upstream alone', 'upstream'],
      ['rate-nginx', 'nginx', 'nginx'],
      ['rate-relay', 'bare relay', 'relay'],
      ['rate-call', 'Gatehouse', plain],
    ] as const
  ).map(([name, title, target]) => ({
    name,
    group: 'rate',
    title: `${title}, tools/call, 1,000/s`,
    target,
    call: small,
    rate,
    often: true,
    quick: false,
  }))
  return [...saturated, ...paced]
}
