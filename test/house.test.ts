import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import t from 'tap'

const root = join(import.meta.dirname, '..')
const files = globSync(['gateway/**/*.ts', 'policies/*.ts'], { cwd: root })
const textOf = (path: string): string => readFileSync(join(root, path), 'utf8')

/** Imports of each file, of values and of types. */
const imports = new Map(
  files.map(file => {
    const specifiers = [...textOf(file).matchAll(/\bfrom '(\.[^']+)'|\bimport\('(\.[^']+)'\)/g)]
    return [file, specifiers.map(([, name, late]) => join(dirname(file), (name ?? late)!))] as const
  }),
)

function roomOf(file: string): string {
  const folder = dirname(file)
  if (folder === 'gateway') return 'main'
  return folder.startsWith('gateway/') ? relative('gateway', folder) : folder.split('/')[0]!
}

const [, section = ''] = textOf('docs/architecture.md').split(/^### Rooms$/m)

/** The rooms in docs/architecture.md, and the rooms that each may import. */
const table = new Map(
  [
    ...section.split(/^#/m)[0]!.matchAll(/^\| `([\w/-]+)` \| .+ \| (nothing|(?:`[\w/-]+`(?:, )?)+) \|$/gm),
  ].map(
    ([, room, allowed]) => [room!, [...allowed!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!)] as const,
  ),
)

/** Nodes from which a way leads back to themselves. */
function inCircles(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const reaches = (from: string, to: string, seen = new Set<string>()): boolean =>
    (graph.get(from) ?? []).some(
      next => next === to || (!seen.has(next) && (seen.add(next), reaches(next, to, seen))),
    )
  return [...graph.keys()].filter(node => reaches(node, node))
}

t.test('a room imports the rooms in its row of docs/architecture.md, and no others', async t => {
  const found = new Map(files.map(file => [roomOf(file), new Set<string>()]))
  for (const [file, targets] of imports)
    for (const target of targets)
      if (roomOf(target) !== roomOf(file)) found.get(roomOf(file))!.add(roomOf(target))
  const sorted = (graph: ReadonlyMap<string, Iterable<string>>) =>
    Object.fromEntries([...graph].map(([room, rooms]) => [room, [...rooms].toSorted()] as const).toSorted())
  t.strictSame(sorted(table), sorted(found))
})

t.test('neither rooms nor files import each other in circles, for values or types', async t => {
  t.strictSame(inCircles(table), [])
  t.strictSame(inCircles(imports), [])
})

t.test('a room has at most 16 files, and a file at most 300 lines', async t => {
  const sizes = Map.groupBy(files, dirname)
  t.strictSame(
    [...sizes].filter(([, inside]) => inside.length > 16).map(([room, inside]) => [room, inside.length]),
    [],
  )
  t.strictSame(
    files.filter(file => textOf(file).split('\n').length > 301),
    [],
  )
})

/** Modules and packages that a file loads when it starts, whatever they load included. */
function loadedBy(entry: string): { files: Set<string>; packages: Set<string> } {
  const [loaded, packages] = [new Set([entry]), new Set<string>()]
  for (const file of loaded) {
    for (const [, name] of textOf(file).matchAll(/^(?:im|ex)port (?!type )[^;]*? from '([^']+)'$/gm)) {
      if (name!.startsWith('.')) loaded.add(join(dirname(file), name!))
      else if (!name!.startsWith('node:')) packages.add(name!)
    }
  }
  return { files: loaded, packages }
}

t.test('what serves loads neither the validator nor what it needs', async t => {
  const validator = (loaded: Iterable<string>) =>
    [...loaded].filter(file => file.startsWith('gateway/config/')).toSorted()
  const worker = loadedBy('gateway/runtime/workers/worker-main.ts')
  t.ok(worker.files.has('gateway/runtime/build/build.ts') && worker.files.has('policies/index.ts'))
  t.strictSame([...worker.packages].toSorted(), ['jose', 'undici'])
  t.strictSame(validator(worker.files), ['gateway/config/freeze.ts', 'gateway/config/handover.ts'])
  // The main thread serves where there is one worker; it watches the files, and prints their diagnostics.
  const main = loadedBy('gateway/commands/run.ts')
  t.strictSame([...main.packages].toSorted(), ['chokidar', 'jose', 'undici'])
  t.strictSame(validator(main.files), [
    'gateway/config/document/content-digest.ts',
    'gateway/config/document/diagnostics.ts',
    'gateway/config/freeze.ts',
    'gateway/config/handover.ts',
    'gateway/config/report/format.ts',
    'gateway/config/report/render.ts',
    'gateway/config/static-fields.ts',
  ])
})
