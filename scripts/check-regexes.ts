// Part of `npm run check`: fails for a regular expression that may need more than linear time.
// recheck analyzes every literal in gateway/ and policies/, and every `pattern` of the schema. It cannot analyze patterns
// that are built at run time, so each of those needs a line in `dynamic`.
import { globSync, readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'
import { type Node, parse } from 'acorn'
import { checkSync } from 'recheck'

interface Found {
  readonly where: string
  readonly source: string
  readonly flags: string
}

const root = join(import.meta.dirname, '..')
/** Number of `new RegExp` by file. Their parts are constants in the source, and are analysed there. */
const dynamic: Readonly<Record<string, number>> = {
  'gateway/commands/keys/options.ts': 1,
  'gateway/config/document/sensitive.ts': 1,
  'gateway/config/read/odd-spaces.ts': 2,
}
const timeoutMs = 20_000

const found: Found[] = []
const faults: string[] = []
const files = globSync('{gateway,policies}/**/*.ts', { cwd: root }).toSorted()
for (const file of files) readFile(file)
readSchema('schema', JSON.parse(readFileSync(join(root, 'schema/gateway.schema.json'), 'utf8')))

const judged = new Map<string, string>()
for (const { where, source, flags } of found) {
  const key = `/${source}/${flags}`
  const status = judged.get(key) ?? judge(source, flags)
  judged.set(key, status)
  if (status !== 'safe') faults.push(`${where}: ${key} is ${status}; rewrite it so that it needs linear time`)
}
if (faults.length > 0) {
  process.stderr.write(`${faults.join('\n')}\n`)
  process.exit(1)
}
process.stdout.write(`${judged.size} regular expressions in ${files.length} files need linear time\n`)

function judge(source: string, flags: string): string {
  // recheck does not support the flags d, g and v. They do not change the time of a single match.
  const { status } = checkSync(source, flags.replace(/[dgv]/g, ''), { timeout: timeoutMs })
  return status
}

function readFile(file: string): void {
  const text = stripTypeScriptTypes(readFileSync(join(root, file), 'utf8'))
  const tree = parse(text, { ecmaVersion: 'latest', sourceType: 'module', locations: true })
  let made = 0
  walk(tree, node => {
    const { regex, callee } = node as Node & { regex?: { pattern: string; flags: string }; callee?: Node }
    if (regex !== undefined) {
      const where = `${file}:${node.loc?.start.line ?? 0}`
      found.push({ where, source: regex.pattern, flags: regex.flags })
    } else if (callee?.type === 'Identifier' && (callee as Node & { name: string }).name === 'RegExp') made++
  })
  const expected = dynamic[file] ?? 0
  if (made !== expected) faults.push(`${file}: ${made} patterns are built at run time, expected ${expected}`)
}

function walk(value: unknown, visit: (node: Node) => void): void {
  if (Array.isArray(value)) for (const item of value) walk(item, visit)
  else if (typeof value === 'object' && value !== null && 'type' in value) {
    visit(value as Node)
    for (const child of Object.values(value)) walk(child, visit)
  }
}

function readSchema(where: string, value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  for (const [name, child] of Object.entries(value)) {
    if (name === 'pattern' && typeof child === 'string') found.push({ where, source: child, flags: 'u' })
    else readSchema(`${where}/${name}`, child)
  }
}
