/** Counters and gauges in the Prometheus text format. */
export interface Metrics {
  /** Adds one to a counter. Label values must come from the configuration or a fixed set, so that they stay few. */
  count(name: CounterName, labels: Readonly<Record<string, string>>): void
  /** Sets a gauge; an earlier value with other labels goes. */
  set(name: GaugeName, value: number, labels?: Readonly<Record<string, string>>): void
  /** The exposition (Prometheus text format 0.0.4). */
  render(): string
}

const counters = {
  gatehouse_requests_total: 'Requests answered, by proxy, HTTP status and reason of refusal.',
  gatehouse_config_reloads_total: 'Attempts to apply a changed configuration, by result.',
} as const

const gauges = {
  gatehouse_config_last_reload_successful: 'Whether the last attempt to apply the configuration succeeded.',
  gatehouse_config_last_reload_success_timestamp_seconds: 'When a configuration was last applied.',
  gatehouse_config_info: 'The revision in force.',
  gatehouse_open_streams: 'Streams that are open to clients.',
} as const

type CounterName = keyof typeof counters
type GaugeName = keyof typeof gauges

/** Makes an empty set of metrics. */
export function createMetrics(): Metrics {
  const counted = new Map<CounterName, Map<string, number>>()
  const measured = new Map<GaugeName, string>()
  return {
    count(name, labels) {
      const series = counted.get(name) ?? new Map<string, number>()
      counted.set(name, series)
      const key = format(labels)
      series.set(key, (series.get(key) ?? 0) + 1)
    },
    set(name, value, labels = {}) {
      measured.set(name, `${name}${format(labels)} ${value}`)
    },
    render() {
      const lines: string[] = []
      for (const [name, series] of counted) {
        lines.push(`# HELP ${name} ${counters[name]}`, `# TYPE ${name} counter`)
        for (const [labels, value] of series) lines.push(`${name}${labels} ${value}`)
      }
      for (const [name, line] of measured)
        lines.push(`# HELP ${name} ${gauges[name]}`, `# TYPE ${name} gauge`, line)
      return `${lines.join('\n')}\n`
    },
  }
}

function format(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}
