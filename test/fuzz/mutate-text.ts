import type { Random } from './random.ts'

type Mutation = (random: Random, text: string) => string

const inserted = [
  ' ',
  '\n',
  '\t',
  ': ',
  '- ',
  ', ',
  '{',
  '}',
  '[',
  ']',
  '"',
  "'",
  '#',
  '&a ',
  '*a',
  '<<: *a',
  '!!str ',
  '!x ',
  '|\n',
  '>-\n',
  '---\n',
  '...\n',
  '? ',
  '%YAML 1.1\n',
  '${',
  '${A_KEY}',
  '${A_PATH:-mcp}',
  '$$',
  '~',
  'null',
  'true',
  '0x10',
  '1e400',
  '.inf',
  '-1',
  '"*"',
  '__proto__',
  'constructor',
  '\u0000',
  '\u0085',
  '\u2028',
  '\ufeff',
  '\ud83d',
  '# gatehouse-ignore GH1420: x\n',
]

/** Ways to damage a text, each at one place. */
const mutations: readonly Mutation[] = [
  (random, text) => splice(text, random.below(text.length + 1), 0, random.pick(inserted)),
  (random, text) => splice(text, random.below(text.length + 1), 1 + random.below(8), ''),
  (random, text) =>
    splice(text, random.below(text.length + 1), 1, String.fromCharCode(32 + random.below(95))),
  (random, text) => text.slice(0, random.below(text.length + 1)),
  (random, text) => text.slice(random.below(text.length + 1)),
  (random, text) =>
    splice(text, random.below(text.length + 1), 0, random.pick(['a', '[', '{', '- ']).repeat(200)),
  onLines((random, lines) => lines.splice(random.below(lines.length), 1 + random.below(3))),
  onLines((random, lines) => {
    const [line = ''] = lines.splice(random.below(lines.length), 1)
    lines.splice(random.below(lines.length + 1), 0, line)
  }),
  onLines((random, lines) => {
    const at = random.below(lines.length)
    lines.splice(at, 0, lines[at] ?? '')
  }),
  onLines((random, lines) => {
    const at = random.below(lines.length)
    const line = lines[at] ?? ''
    lines[at] = random.chance(0.5) ? `${' '.repeat(1 + random.below(4))}${line}` : line.replace(/^ {1,2}/, '')
  }),
  onLines((random, lines) => {
    const [from, to] = [random.below(lines.length), random.below(lines.length)]
    const indentation = /^ */.exec(lines[from] ?? '')?.[0] ?? ''
    lines[to] = indentation + (lines[to] ?? '').trimStart()
  }),
  (random, text) => {
    const words = [...text.matchAll(/[\w.*$-]+/g)]
    if (words.length === 0) return text
    const [from, to] = [random.pick(words), random.pick(words)]
    return splice(text, to.index, to[0].length, from[0])
  },
]

/** Damages a text at one to four places. */
export function mutateText(random: Random, text: string): string {
  let mutated = text
  for (let left = 1 + random.below(4); left > 0; left--) mutated = random.pick(mutations)(random, mutated)
  return mutated
}

function splice(text: string, at: number, removed: number, added: string): string {
  return text.slice(0, at) + added + text.slice(at + removed)
}

function onLines(change: (random: Random, lines: string[]) => void): Mutation {
  return (random, text) => {
    const lines = text.split('\n')
    change(random, lines)
    return lines.join('\n')
  }
}
