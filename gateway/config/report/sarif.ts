import { printableJson } from '../../lib/printable.ts'
import { diagnosticCodes, type Diagnostic } from '../document/diagnostics.ts'
import type { ReportInput } from './format.ts'
import { relativePath } from './render.ts'

/** Formats diagnostics for code scanning, as SARIF 2.1.0 (OASIS): one run, whose rules are the codes that occur. */
export function formatSarif({ diagnostics, omitted = 0 }: ReportInput, { cwd }: { cwd: string }): string {
  const codes = [...new Set(diagnostics.map(one => one.code))].toSorted()
  const rules = codes.map(id => {
    const { name, summary } = diagnosticCodes[id]
    return { id, name, shortDescription: { text: summary } }
  })
  const results = diagnostics.map(one => ({
    ruleId: one.code,
    ruleIndex: codes.indexOf(one.code),
    level: one.severity === 'info' ? 'note' : one.severity,
    message: { text: `${one.message}\nhelp: ${one.help}` },
    locations: [{ physicalLocation: { artifactLocation: artifact(one.file, cwd), region: regionOf(one) } }],
    relatedLocations: (one.related ?? []).map(({ file, line, column, message }, id) => ({
      id,
      message: { text: message },
      physicalLocation: {
        artifactLocation: artifact(file, cwd),
        region: { startLine: line, startColumn: column },
      },
    })),
  }))
  const run = {
    tool: { driver: { name: 'gatehouse', rules } },
    columnKind: 'utf16CodeUnits',
    results,
    ...(omitted > 0 && { properties: { omitted } }),
  }
  const document = { $schema: 'https://json.schemastore.org/sarif-2.1.0.json', version: '2.1.0', runs: [run] }
  return `${printableJson(JSON.stringify(document, null, 2))}\n`
}

function regionOf({ line, column, endLine, endColumn }: Diagnostic): object {
  return { startLine: line, startColumn: column, endLine, endColumn }
}

// Code scanning takes a relative URI as relative to the repository.
function artifact(file: string, cwd: string): { uri: string } {
  const path = relativePath(file, cwd)
  const uri = path.split('/').map(encodeURIComponent).join('/')
  return { uri: path === file ? `file://${uri}` : uri }
}
