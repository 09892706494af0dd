import { Lexer } from 'yaml'
import {
  diagnosticCodes,
  severityOf,
  type Diagnostic,
  type DiagnosticCode,
  type Explanation,
} from '../document/diagnostics.ts'
import { report } from '../document/load-context.ts'
import { findEntry } from '../document/locate.ts'
import { fromPointer } from '../document/pointer.ts'
import { spanBetween, type Source } from '../document/source.ts'
import type { CheckContext } from '../checks/check-context.ts'

/** A comment `# gatehouse-ignore CODE, CODE: reason`. */
interface Ignore {
  readonly source: Source
  readonly start: number
  readonly end: number
  readonly codes: readonly DiagnosticCode[]
  /** Codes that any comment ignores there. */
  readonly ignored: Ignored
}

/** Codes that are ignored at a place, and whether a diagnostic has them. */
type Ignored = Map<DiagnosticCode, { found: boolean }>

/**
 * Removes the warnings and notes that a comment ignores. The comment is on their line or on the first line of a block
 * around them, or on its own line above one of these. Errors stay. For `lint`, reports comments that ignore nothing.
 */
export function dropIgnored(context: CheckContext): void {
  const { diagnostics, files, counts, skipped, missing, options } = context.loadContext
  const byPlace = new Map<string, Ignored>()
  const ignores = [...files.sources.values()].flatMap(source => ignoresIn(context, source, byPlace))
  if (byPlace.size === 0) return
  const kept = diagnostics.filter(one => !isIgnored(context, one, byPlace))
  diagnostics.splice(0, diagnostics.length, ...kept)
  // Checks skip what depends on a missing variable.
  if (options.review !== 'lint' || skipped.size > 0 || counts.error > 0) return
  for (const { source, start, end, codes, ignored } of ignores) {
    for (const code of codes) {
      if (ignored.get(code)!.found || (code === 'GH1405' && missing.size > 0)) continue
      const message = `there is no ${code} here to ignore`
      const help = `remove \`${code}\` from the comment`
      report(context.loadContext, 'GH2012', spanBetween(source, start, end), { message, help })
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

/** Returns the line of a diagnostic, and the first lines of the blocks around it in its file. */
function placesOf({ loadContext, config }: CheckContext, { file, line, path }: Diagnostic): Set<string> {
  const places = new Set([placeOf(file, line)])
  const steps = fromPointer(path)
  for (const depth of steps.keys()) {
    const { entry } = findEntry(loadContext, config, steps.slice(0, depth + 1))
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

function ignoresIn(context: CheckContext, source: Source, byPlace: Map<string, Ignored>): Ignore[] {
  const ignores: Ignore[] = []
  if (!/gatehouse-ignore/i.test(source.text)) return ignores
  const targets = targetLines(source.text)
  for (const { start, text } of commentsOf(source.text)) {
    const [, rest] = /^#+[ \t]*gatehouse-ignore\b(.*)$/i.exec(text.trimEnd()) ?? []
    if (rest === undefined) continue
    const end = start + text.trimEnd().length
    const codes = /^[ \t]+(\w+(?:[ \t]*,[ \t]*\w+)*)[ \t]*:[ \t]*\S/
      .exec(rest)?.[1]
      ?.split(',')
      .map(code => code.trim())
    const why = codes === undefined ? incomplete : codes.map(whyNotIgnorable).find(one => one !== undefined)
    if (why !== undefined) {
      report(context.loadContext, 'GH1421', spanBetween(source, start, end), why)
      continue
    }
    const place = placeOf(source.file, targets[spanBetween(source, start, end).line]!)
    const ignored: Ignored = byPlace.get(place) ?? new Map()
    byPlace.set(place, ignored)
    for (const code of codes as DiagnosticCode[]) if (!ignored.has(code)) ignored.set(code, { found: false })
    ignores.push({ source, start, end, codes: codes as DiagnosticCode[], ignored })
  }
  return ignores
}

const incomplete: Explanation = {
  message: 'this comment has no code or no reason',
  help: 'write `# gatehouse-ignore GH2003: reason`',
}

function whyNotIgnorable(code: string): Explanation | undefined {
  if (!Object.hasOwn(diagnosticCodes, code)) {
    const message = `there is no diagnostic \`${code.slice(0, 20)}\``
    return { message, help: 'use the code of a warning or a note, such as `GH2003`' }
  }
  if (isIgnorable(code as DiagnosticCode)) return undefined
  return severityOf(code as DiagnosticCode) === 'error'
    ? { message: `${code} is an error, and errors cannot be ignored`, help: 'fix the error' }
    : { message: `${code} cannot be ignored`, help: 'fix the comment that it is about' }
}

/** Returns, by line, the line that a comment is about: its own, or the next one without a comment if it is alone. */
function targetLines(text: string): number[] {
  const lines = text.split('\n')
  const targets = ['', ...lines].map((_, line) => line)
  for (let line = lines.length; line > 0; line -= 1) {
    if (lines[line - 1]!.trimStart().startsWith('#')) targets[line] = targets[line + 1] ?? line
  }
  return targets
}

/** Yields the comments of a text. Only the tokens of comments begin with a number sign; in a scalar it is inside the token. */
function* commentsOf(text: string): Generator<{ start: number; text: string }> {
  let start = 0
  for (const token of new Lexer().lex(text)) {
    // Control tokens of the lexer are not in the text: document start, broken flow end, scalar.
    if (token === '\u0002' || token === '\u0018' || token === '\u001f') continue
    if (token.startsWith('#')) yield { start, text: token }
    start += token.length
  }
}
