/** A JSON value as written, with all members of an object, duplicates included. */
export interface Loose {
  readonly text: string
  readonly members: readonly (readonly [name: string, value: Loose])[] | undefined
  readonly elements: readonly Loose[] | undefined
  /** Value by JSON.parse, when it has neither members nor elements. */
  value(): unknown
}

const token = /[\t\n\r ]*(?:([{}[\],:])|("(?:[^"\\]|\\.)*")|([^\t\n\r ,:{}[\]"]+))/gy

/** Reads JSON text by tokens, independently of the reader under test. Throws when it is not JSON. */
export function readLoosely(text: string): Loose {
  token.lastIndex = 0
  const next = (): { at: number; mark: string | undefined; text: string } => {
    const found = token.exec(text)
    if (found === null) throw new Error(`no token: ${text}`)
    const [all, mark, string, other] = found
    const written = mark ?? string ?? other ?? ''
    return { at: found.index + all.length - written.length, mark, text: written }
  }
  const read = (first = next()): Loose => {
    if (first.mark === undefined) return leaf(first.text)
    const end = first.mark === '{' ? '}' : ']'
    const members: (readonly [string, Loose])[] = []
    const elements: Loose[] = []
    let at = next()
    while (at.mark !== end) {
      if (end === ']') elements.push(read(at))
      else {
        const name = JSON.parse(at.text) as string
        if (next().mark !== ':') throw new Error(`no colon: ${text}`)
        members.push([name, read()])
      }
      at = next()
      if (at.mark === ',') at = next()
      else if (at.mark !== end) throw new Error(`no comma: ${text}`)
    }
    const written = text.slice(first.at, token.lastIndex)
    const isObject = end === '}'
    return {
      text: written,
      members: isObject ? members : undefined,
      elements: isObject ? undefined : elements,
      value: () => JSON.parse(written) as unknown,
    }
  }
  return read()
}

function leaf(text: string): Loose {
  return { text, members: undefined, elements: undefined, value: () => JSON.parse(text) as unknown }
}
