import type { Report, RowResult } from './report.ts'
import { barPlot, type Bar } from './svg.ts'

/** The plots of a report, by the name of their file without `.svg`; those that it has the figures for. */
export function plotsOf({ rows, coldStart }: Report): Map<string, string> {
  const bars = (names: readonly string[], figure: 'cpuPerCall' | 'p50' | 'p99'): Bar[] =>
    names.flatMap(name => {
      const row = rows[name]
      return row === undefined ? [] : [{ label: labelOf(row), value: row[figure], own: isOwn(row) }]
    })
  const saturated = Object.keys(rows).filter(name => rows[name]!.rate === undefined)
  const paced = Object.keys(rows).filter(name => rows[name]!.rate !== undefined)
  const own = saturated.filter(name => isOwn(rows[name]!) && !/-(4k|256k)$/.test(name))
  const plots = new Map<string, string>()
  const plot = (name: string, title: string, of: readonly Bar[], digits: number): void => {
    if (of.length > 0) plots.set(name, barPlot(title, of, digits))
  }
  const call = ['direct', 'nginx-call', 'relay-call', 'call']
  plot('cpu', 'µs of CPU per tools/call, less is better', bars(call, 'cpuPerCall'), 1)
  plot('gateway', 'µs of CPU per call, what the gateway does', bars(own, 'cpuPerCall'), 1)
  plot('p50', 'Half of the calls at 1,000/s are answered within, ms', bars(paced, 'p50'), 2)
  plot('p99', '99 % of the calls at 1,000/s are answered within, ms', bars(paced, 'p99'), 2)
  if (coldStart !== undefined) {
    plot(
      'cold-start',
      'From the start of the process until it is ready, ms',
      [
        { label: 'bare relay', value: coldStart.relay, own: false },
        { label: 'Gatehouse, 10 keys', value: coldStart.gateway, own: true },
        { label: 'Gatehouse, 10,000 keys', value: coldStart.manyKeys, own: true },
      ],
      0,
    )
  }
  return plots
}

function isOwn({ title }: RowResult): boolean {
  return title.startsWith('Gatehouse')
}

function labelOf({ title }: RowResult): string {
  return title.replace(', 1,000/s', '')
}
