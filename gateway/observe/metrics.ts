import { memoize } from '../lib/memoize.ts'

/** Counters. */
export interface Counters {
  /** Adds one to a counter. Label values come from the configuration or a fixed set, so that there are few. */
  count(name: CounterName, labels: Readonly<Record<string, string>>): void
}

/** Counts of a worker, to be added to those of the main thread. */
export type Counted = readonly (readonly [name: CounterName, labels: string, value: number])[]

/** Counters and gauges in the Prometheus text format. */
export interface Metrics extends Counters {
  /** Adds the counts of a worker. */
  add(counted: Counted): void
  /** Sets a gauge, and drops its values with other labels. */
  set(name: GaugeName, value: number, labels?: Readonly<Record<string, string>>): void
  /** Sets the values of a gauge by labels, and drops all earlier ones. */
  setEach(
    name: GaugeName,
    values: readonly (readonly [labels: Readonly<Record<string, string>>, value: number])[],
  ): void
  /** Returns the exposition (Prometheus text format 0.0.4). */
  render(): string
}

const counters = {
  gatehouse_requests_total: 'Requests, by proxy, HTTP status and reason for refusal.',
  gatehouse_outgoing_secret_uses_total: 'Requests with a secret that is being replaced, by API key.',
  gatehouse_config_reloads_total: 'Attempts to apply a changed configuration, by result.',
  gatehouse_jwks_fetches_total: 'Attempts to fetch the signing keys of an issuer, by auth method and result.',
  gatehouse_introspections_total: 'Introspection requests to issuers, by auth method and result.',
  gatehouse_connections_dropped_total:
    'Client connections that were refused or closed because there were too many, by reason.',
  gatehouse_log_lines_dropped_total: 'Log lines that could not be written.',
  gatehouse_workers_lost_total: 'Workers that died; each is replaced.',
} as const

const gauges = {
  gatehouse_config_last_reload_successful: '1 if the last attempt to apply the configuration succeeded.',
  gatehouse_config_last_reload_success_timestamp_seconds: 'Time when a configuration was last applied.',
  gatehouse_config_pending_seconds:
    'Seconds for which the files have differed from the revision in force; 0 if they do not differ.',
  gatehouse_config_info: 'Revision in force.',
  gatehouse_revocations: 'Revocations in force.',
  gatehouse_revocations_last_reload_successful: '1 if the revocations file as it stands is in force.',
  gatehouse_jwks_age_seconds:
    'Seconds since the signing keys of an issuer were last fetched, by auth method.',
  gatehouse_open_streams: 'Open streams to clients.',
  gatehouse_port_shared: '1 if another process listens on the port for clients.',
  gatehouse_connections: 'Open client connections.',
  gatehouse_requests_in_flight: 'Authenticated requests in flight, open streams included.',
  gatehouse_workers: 'Workers that serve clients.',
} as const

type CounterName = keyof typeof counters
type GaugeName = keyof typeof gauges

/** Makes the counters of a worker; `take` returns the counts and resets them. */
export function createCounters(): Counters & { take(): Counted } {
  const series = createSeries()
  return {
    count: (name, labels) => series.add(name, format(labels), 1),
    take: () => series.take(),
  }
}

/** Makes an empty set of metrics. */
export function createMetrics(): Metrics {
  const counted = createSeries()
  const measured = new Map<GaugeName, string>()
  return {
    count: (name, labels) => counted.add(name, format(labels), 1),
    add: more => more.forEach(one => counted.add(...one)),
    set(name, value, labels = {}) {
      measured.set(name, `${name}${format(labels)} ${value}`)
    },
    setEach(name, values) {
      if (values.length === 0) measured.delete(name)
      else measured.set(name, values.map(([labels, value]) => `${name}${format(labels)} ${value}`).join('\n'))
    },
    render() {
      const lines: string[] = []
      for (const [name, series] of counted.all()) {
        lines.push(`# HELP ${name} ${counters[name]}`, `# TYPE ${name} counter`)
        for (const [labels, { value }] of series) lines.push(`${name}${labels} ${value}`)
      }
      for (const [name, line] of measured)
        lines.push(`# HELP ${name} ${gauges[name]}`, `# TYPE ${name} gauge`, line)
      return `${lines.join('\n')}\n`
    },
  }
}

interface Sum {
  value: number
}

function createSeries(): {
  add(name: CounterName, labels: string, value: number): void
  all(): Iterable<[CounterName, ReadonlyMap<string, Sum>]>
  take(): Counted
} {
  const counted = new Map<CounterName, Map<string, Sum>>()
  return {
    add(name, labels, value) {
      let series = counted.get(name)
      if (series === undefined) counted.set(name, (series = new Map()))
      const sum = series.get(labels)
      if (sum === undefined) series.set(labels, { value })
      else sum.value += value
    },
    all: () => counted,
    take() {
      const taken = [...counted].flatMap(([name, series]) =>
        [...series].map(([labels, { value }]) => [name, labels, value] as const),
      )
      counted.clear()
      return taken
    },
  }
}

const quoted = memoize(value => JSON.stringify(value))

function format(labels: Readonly<Record<string, string>>): string {
  let text = ''
  for (const name in labels) text += `${text === '' ? '{' : ','}${name}=${quoted(labels[name]!)}`
  return text === '' ? '' : `${text}}`
}
