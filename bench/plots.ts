import type { Report, RowResult } from './report.ts'
import type { Spread } from './statistics.ts'
import { number } from './table.ts'

/** One bar of a plot. */
interface Bar {
  readonly label: string
  readonly value: Spread
  /** Whether it shows the gateway. */
  readonly own: boolean
}

const width = 760
const labels = 300
const figures = 150
const height = 26
const top = 44

/** Returns the plots of a report by file name, without `.svg`. Leaves out those that it has no figures for. */
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

/**
 * Draws horizontal bars from zero, with a whisker from minimum to maximum. Readable on light and dark pages.
 *
 * @param digits number of decimals of the figures
 */
function barPlot(title: string, bars: readonly Bar[], digits: number): string {
  const space = width - labels - figures
  const scale = space / Math.max(...bars.map(({ value }) => value.max))
  const x = (value: number): string => (labels + Math.max(0, value) * scale).toFixed(1)
  const lines = bars.map(({ label, value, own }, index) => {
    const y = top + index * height
    const middle = y + 9
    return `<text x="${labels - 10}" y="${y + 13}" text-anchor="end">${escape(label)}</text>
<rect class="${own ? 'own' : 'other'}" x="${labels}" y="${y}" width="${(Math.max(0, value.median) * scale).toFixed(1)}" height="18" rx="2"/>
<path class="whisker" d="M${x(value.min)} ${middle}H${x(value.max)}M${x(value.min)} ${y + 5}v8M${x(value.max)} ${y + 5}v8"/>
<text x="${width - figures + 10}" y="${y + 13}">${number(value.median, digits)}<tspan class="faint"> (${number(value.min, digits)}–${number(value.max, digits)})</tspan></text>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${top + bars.length * height + 8}" width="${width}" role="img" aria-label="${escape(title)}">
<style>
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.title { font-weight: 600; font-size: 15px; }
.faint { fill: #656d76; font-size: 11px; }
.own { fill: #2f81f7; }
.other { fill: #afb8c1; }
.whisker { stroke: #1f2328; stroke-opacity: 0.6; fill: none; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .faint { fill: #8d96a0; }
  .other { fill: #6e7681; }
  .whisker { stroke: #e6edf3; }
}
</style>
<text class="title" x="10" y="22">${escape(title)}</text>
${lines.join('\n')}
</svg>
`
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
