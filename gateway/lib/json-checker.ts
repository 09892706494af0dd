type Expected = 'value' | 'value-or-end' | 'name' | 'name-or-end' | 'colon' | 'comma-or-end' | 'nothing'

/** Deepest nesting, longest scalar, and longest name that is reported, in characters. */
const maxDepth = 1000
const maxScalar = 1000
const maxName = 1000
/** Names are reported at these depths: of the outermost object, and of the objects in it. */
const reportedDepth = 2

const scalar = /^(?:-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null)$/
const scalarCharacters = /[-+.0-9A-Za-z]*/y
// oxlint-disable-next-line no-control-regex
const plainCharacters = /[^"\\\u0000-\u001f]*/y
const shortEscapes = '"\\/bfnrt'
const longEscape = /^\\u[0-9a-fA-F]{4}$/

const quote = 0x22
const backslash = 0x5c

/**
 * Checks JSON text (RFC 8259) that comes in pieces, and keeps none of it. It accepts what `JSON.parse` accepts, up to a
 * depth of 1,000. Every method throws a SyntaxError.
 */
export class JsonChecker {
  readonly #onName: (name: string, depth: number) => void
  #expected: Expected = 'value'
  /** Closing brackets of the open objects and arrays. */
  readonly #closers: string[] = []
  #inString = false
  #isName = false
  /** What was read of the name, of the escape or of the scalar that the last piece ended in. */
  #name = ''
  #escape = ''
  #scalar = ''

  /** @param onName called with each decoded name of the outermost object (depth 1), and of the objects in it (depth 2) */
  constructor(onName: (name: string, depth: number) => void = () => {}) {
    this.#onName = onName
  }

  /** Takes the next piece of the text. */
  feed(text: string): void {
    let at = 0
    while (at < text.length) {
      if (this.#inString) at = this.#readString(text, at)
      else if (this.#scalar !== '') at = this.#readScalar(text, at)
      else at = this.#readToken(text, at)
    }
  }

  /** Checks that the text is complete. */
  end(): void {
    if (this.#scalar !== '') this.#endScalar()
    if (this.#expected !== 'nothing') fail()
  }

  #readToken(text: string, at: number): number {
    const character = text[at]!
    if (character === ' ' || character === '\n' || character === '\r' || character === '\t') return at + 1
    const expected = this.#expected
    if (expected === 'colon' && character === ':') this.#expected = 'value'
    else if (character === this.#closers.at(-1) && expected.endsWith('-or-end')) {
      this.#closers.pop()
      this.#endValue()
    } else if (expected === 'comma-or-end' && character === ',')
      this.#expected = this.#closers.at(-1) === '}' ? 'name' : 'value'
    else if (expected.startsWith('name') && character === '"') {
      this.#inString = true
      this.#isName = true
      this.#name = ''
    } else if (expected.startsWith('value')) return this.#beginValue(character, at)
    else fail()
    return at + 1
  }

  #beginValue(character: string, at: number): number {
    if (character === '"') {
      this.#inString = true
      this.#isName = false
    } else if (character === '{' || character === '[') {
      if (this.#closers.push(character === '{' ? '}' : ']') > maxDepth) fail()
      this.#expected = character === '{' ? 'name-or-end' : 'value-or-end'
    } else {
      if (!/[-0-9a-z]/.test(character)) fail()
      this.#scalar = character
    }
    return at + 1
  }

  #readScalar(text: string, at: number): number {
    scalarCharacters.lastIndex = at
    scalarCharacters.test(text)
    const end = scalarCharacters.lastIndex
    this.#scalar += text.slice(at, end)
    if (this.#scalar.length > maxScalar) fail()
    if (end < text.length) this.#endScalar()
    return end
  }

  #endScalar(): void {
    if (!scalar.test(this.#scalar)) fail()
    this.#scalar = ''
    this.#endValue()
  }

  #readString(text: string, from: number): number {
    let at = this.#escape === '' ? from : this.#readEscape(text, from)
    for (;;) {
      plainCharacters.lastIndex = at
      plainCharacters.test(text)
      const end = plainCharacters.lastIndex
      if (this.#isName) this.#keep(text.slice(at, end))
      if (end === text.length) return end
      const code = text.charCodeAt(end)
      if (code === quote) {
        this.#endString()
        return end + 1
      }
      if (code !== backslash) fail()
      this.#escape = '\\'
      at = this.#readEscape(text, end + 1)
    }
  }

  /** Reads on in an escape, of which `#escape` holds what was read before; returns the position after it. */
  #readEscape(text: string, from: number): number {
    let at = from
    while (at < text.length) {
      this.#escape += text[at++]!
      const { length } = this.#escape
      const isShort = length === 2 && shortEscapes.includes(this.#escape[1]!)
      if (isShort || (length === 6 && longEscape.test(this.#escape))) {
        if (this.#isName) this.#keep(this.#escape)
        this.#escape = ''
        return at
      }
      if (length > 5 || this.#escape[1] !== 'u') fail()
    }
    return at
  }

  #keep(part: string): void {
    if (!this.#isName || this.#closers.length > reportedDepth) return
    this.#name += part
    if (this.#name.length > maxName) fail()
  }

  #endString(): void {
    this.#inString = false
    if (!this.#isName) {
      this.#endValue()
      return
    }
    this.#expected = 'colon'
    const depth = this.#closers.length
    if (depth <= reportedDepth) this.#onName(JSON.parse(`"${this.#name}"`) as string, depth)
  }

  #endValue(): void {
    this.#expected = this.#closers.length === 0 ? 'nothing' : 'comma-or-end'
  }
}

function fail(): never {
  throw new SyntaxError('the text is not valid JSON')
}
