import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { compareWithOther, withOther } from './against.ts'
import { beAlone } from './alone.ts'
import { measureColdStart } from './cold-start.ts'
import { regressions } from './compare.ts'
import { newCredentials } from './credentials.ts'
import { writeDocument } from './document.ts'
import { machineFacts } from './machine.ts'
import { watchOthers } from './others.ts'
import { createMeasure } from './measure.ts'
import { readOptions } from './options.ts'
import { assignCores } from './pinning.ts'
import { measurePauses } from './pauses.ts'
import { has, stopAll } from './processes.ts'
import { profile } from './profile.ts'
import { measureReload } from './reload.ts'
import { summarize, type Report } from './report.ts'
import { allRows } from './rows.ts'
import { measureStreams, possibleStreams } from './streams.ts'
import { columns } from './table.ts'
import { circumstances, tablesOf } from './tables.ts'
import { createTargets } from './targets.ts'

const programs = { wrk: 'wrk', nginx: 'nginx-light', taskset: 'util-linux' }
const missing = Object.entries(programs).filter(([program]) => !has(program))
if (missing.length > 0) {
  const packages = missing.map(([, name]) => name).join(' ')
  process.stderr.write(`bench: a program is missing; apt-get install -y ${packages}\n`)
  process.exit(2)
}

const credentials = await newCredentials()
const every = allRows(credentials)
const sections = ['reload', 'pauses', 'streams', 'cold-start']
const options = readOptions(process.argv.slice(2), [...every.map(({ name }) => name), ...sections])
const { effort, wants } = options
const folder = mkdtempSync(join(tmpdir(), 'gatehouse-bench-'))
const surroundings = { folder, cores: assignCores(), credentials }
const targets = createTargets(surroundings)
const progress = (text: string): void => void process.stderr.write(text)
await beAlone(progress)
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.once(signal, () => void cleanUp().then(() => process.exit(code)))
}

try {
  const rows = every.filter(({ name, quick }) => wants(name, quick))
  if (options.profile) {
    const row = rows.find(({ name }) => options.only?.includes(name) ?? name === 'call')
    process.stdout.write(await profile(row!, options.profileSeconds, surroundings))
  } else if (options.against !== undefined) {
    const measure = createMeasure(targets, surroundings, progress)
    const { table, slower } = await compareWithOther(
      withOther(rows, resolve(options.against)),
      measure,
      effort,
      progress,
    )
    process.stdout.write(`${table}\n`)
    for (const name of slower) process.stdout.write(`SLOWER ${name}\n`)
    if (slower.length > 0) process.exitCode = 1
  } else {
    const others = watchOthers()
    const measure = createMeasure(targets, surroundings, progress)
    const samples = await measure(rows, effort)
    const rounds = samples.get(rows[0]?.name ?? '')?.length ?? 0
    const found = {
      ...summarize(rows, samples),
      ...(wants('reload', true) && {
        reload: await measureReload(options.repeats, targets, surroundings),
      }),
      ...(wants('pauses', true) && {
        pauses: await measurePauses(options.repeats, targets, surroundings),
      }),
      ...(wants('streams', false) && {
        streams: await measureStreams([1000, possibleStreams(10_000)], surroundings),
      }),
      ...(wants('cold-start', true) && { coldStart: await measureColdStart(options.repeats, surroundings) }),
    }
    const machine = machineFacts(surroundings.cores)
    const report: Report = {
      schemaVersion: 1,
      machine,
      others: others(),
      effort: { rounds, seconds: effort.seconds },
      ...found,
    }
    const tables = [...tablesOf(report).values()].map(columns)
    process.stdout.write(`${[circumstances(report), ...tables].join('\n\n')}\n`)
    writeFileSync(options.json, `${JSON.stringify(report, undefined, 2)}\n`)
    if (options.writeDocs) writeDocument(report)
    if (options.compare !== undefined) {
      const worse = await regressions(report, options.compare, rows, measure, effort)
      for (const sentence of worse) process.stdout.write(`REGRESSION ${sentence}\n`)
      if (worse.length > 0) process.exitCode = 1
    }
  }
} finally {
  await cleanUp()
}

async function cleanUp(): Promise<void> {
  await stopAll()
  rmSync(folder, { recursive: true, force: true })
}
