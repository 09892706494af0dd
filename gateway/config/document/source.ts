import type { Span } from './diagnostics.ts'

/** A file as it was read. */
export interface Source {
  /** Absolute path. */
  readonly file: string
  readonly text: string
  /** Offset of the first character of every line. */
  readonly lineStarts: readonly number[]
}

/** Indexes the lines of a text. */
export function createSource(file: string, text: string): Source {
  const lineStarts = [0]
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) lineStarts.push(at + 1)
  return { file, text, lineStarts }
}

/** Returns the range between two offsets as lines and columns. */
export function spanBetween(source: Source, start: number, end: number): Span {
  const from = position(source, start)
  const to = position(source, Math.max(start, end))
  return { file: source.file, ...from, endLine: to.line, endColumn: to.column }
}

function position({ lineStarts, text }: Source, offset: number): { line: number; column: number } {
  const at = Math.min(offset, text.length)
  let [low, high] = [0, lineStarts.length]
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (lineStarts[middle]! <= at) low = middle
    else high = middle
  }
  return { line: low + 1, column: at - lineStarts[low]! + 1 }
}
