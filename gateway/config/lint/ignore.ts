import { Lexer } from 'yaml'
import { diagnosticCodes, severityOf, type Diagnostic, type DiagnosticCode } from '../document/diagnostics.ts'
import { report } from '../document/load-context.ts'
import { find } from '../document/locate.ts'
import { fromPointer } from '../document/pointer.ts'
import { spanBetween, type Source } from '../document/source.ts'
import type { CheckContext } from '../checks/check-context.ts'

/** A comment `# gatehouse-ignore CODE, CODE: reason`. */
interface Ignore {
  readonly source: Source
  readonly start: number
  readonly end: number
  readonly codes: readonly DiagnosticCode[]
  /** The codes that are ignored there, by any comment. */
  readonly there: Ignored
}

/** Codes that are ignored at a place, and whether they were found there. */
type Ignored = Map<DiagnosticCode, { found: boolean }>

/**
 * Takes out the warnings and notes that a comment says to ignore: on their own line or on the first line of a block
 * around them, or on a line of its own above one of these. Errors stay. For `lint`, tells which comments are of no use.
 */
export function dropIgnored(context: CheckContext): void {
  const { diagnostics, files, found, opaque, missing, options } = context.loadContext
  const byPlace = new Map<string, Ignored>()
  const ignores = [...files.sources.values()].flatMap(source => readIgnores(context, source, byPlace))
  if (byPlace.size === 0) return
  const kept = diagnostics.filter(one => !isIgnored(context, one, byPlace))
  diagnostics.splice(0, diagnostics.length, ...kept)
  // What depends on variables that are not set here was not looked for.
  if (options.review !== 'lint' || opaque.size > 0 || found.error > 0) return
  for (const { source, start, end, codes, there } of ignores) {
    for (const code of codes) {
      if (there.get(code)!.found || (code === 'GH1405' && missing.size > 0)) continue
      const message = `there is no ${code} here to ignore; take the code out`
      report(context.loadContext, 'GH2012', spanBetween(source, start, end), message)
    }
  }
}

function isIgnored(context: CheckContext, one: Diagnostic, byPlace: ReadonlyMap<string, Ignored>): boolean {
  const ignored = [...placesOf(context, one)].flatMap(place => byPlace.get(place)?.get(one.code) ?? [])
  for (const each of ignored) each.found = true
  return ignored.length > 0
}

function isIgnorable(code: DiagnosticCode): boolean {
  return severityOf(code) !== 'error' && code !== 'GH1421' && code !== 'GH2012'
}

/** The line of a diagnostic, and the first lines of what it stands in, in its file. */
function placesOf({ loadContext, config }: CheckContext, { file, line, path }: Diagnostic): Set<string> {
  const places = new Set([placeOf(file, line)])
  const steps = fromPointer(path)
  for (const depth of steps.keys()) {
    const { entry } = find(loadContext, config, steps.slice(0, depth + 1))
    for (const node of [entry?.block, entry?.key ?? entry?.value]) {
      if (entry?.source.file === file && node?.range != null) places.add(placeAt(entry.source, node.range[0]))
    }
  }
  return places
}

function placeAt(source: Source, offset: number): string {
  return placeOf(source.file, spanBetween(source, offset, offset).line)
}

function placeOf(file: string, line: number): string {
  return `${line} ${file}`
}

function readIgnores(context: CheckContext, source: Source, byPlace: Map<string, Ignored>): Ignore[] {
  const ignores: Ignore[] = []
  if (!/gatehouse-ignore/i.test(source.text)) return ignores
  const meant = linesMeant(source.text)
  for (const { start, text } of commentsOf(source.text)) {
    const [, said] = /^#+[ \t]*gatehouse-ignore\b(.*)$/i.exec(text.trimEnd()) ?? []
    if (said === undefined) continue
    const end = start + text.trimEnd().length
    const codes = /^[ \t]+(\w+(?:[ \t]*,[ \t]*\w+)*)[ \t]*:[ \t]*\S/
      .exec(said)?.[1]
      ?.split(',')
      .map(code => code.trim())
    const why =
      codes === undefined
        ? 'a code and a reason belong here: `# gatehouse-ignore GH2003: reason`'
        : codes.map(whyNotIgnorable).find(why => why !== undefined)
    if (why !== undefined) {
      report(context.loadContext, 'GH1421', spanBetween(source, start, end), why)
      continue
    }
    const place = placeOf(source.file, meant[spanBetween(source, start, end).line]!)
    const there: Ignored = byPlace.get(place) ?? new Map()
    byPlace.set(place, there)
    for (const code of codes as DiagnosticCode[]) if (!there.has(code)) there.set(code, { found: false })
    ignores.push({ source, start, end, codes: codes as DiagnosticCode[], there })
  }
  return ignores
}

function whyNotIgnorable(code: string): string | undefined {
  if (!Object.hasOwn(diagnosticCodes, code)) return `there is no diagnostic \`${code.slice(0, 20)}\``
  if (isIgnorable(code as DiagnosticCode)) return undefined
  return severityOf(code as DiagnosticCode) === 'error'
    ? `${code} is an error, and errors cannot be ignored; mend it`
    : `${code} cannot be ignored; mend the comment that it is about`
}

/** By its line, the line that a comment is about: this one, or where nothing else stands on it, the next that is no comment. */
function linesMeant(text: string): number[] {
  const lines = text.split('\n')
  const meant = ['', ...lines].map((_, line) => line)
  for (let line = lines.length; line > 0; line -= 1) {
    if (lines[line - 1]!.trimStart().startsWith('#')) meant[line] = meant[line + 1] ?? line
  }
  return meant
}

/** The comments of a text. No token but a comment begins with a number sign: what looks like one in a scalar is within it. */
function* commentsOf(text: string): Generator<{ start: number; text: string }> {
  let start = 0
  for (const token of new Lexer().lex(text)) {
    // Marks of the lexer, no part of the text: a document, the end of a broken flow, a scalar that comes next.
    if (token === '\u0002' || token === '\u0018' || token === '\u001f') continue
    if (token.startsWith('#')) yield { start, text: token }
    start += token.length
  }
}
