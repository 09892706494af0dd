import { isScalar, type Node } from 'yaml'
import { reportNode, type Conversion } from './conversion.ts'
import { report } from '../document/load-context.ts'
import { keyText, nodeSpan } from '../document/locate.ts'
import { toPointer } from '../document/pointer.ts'

/**
 * The text of a key, or undefined after reporting why its field cannot be taken: it is no text, `__proto__`, a merge
 * key, or stands among the known keys of its map already.
 */
export function checkKey(
  state: Conversion,
  key: Node,
  value: Node | null,
  known: ReadonlyMap<string, Node>,
): string | undefined {
  if (!isScalar(key) || key.value === null) {
    const written = key.range?.[0] === key.range?.[1] ? (value ?? key) : key
    reportNode(state, 'GH1011', written, 'a key is text on one line; write another key')
    return undefined
  }
  const name = keyText(key)
  if (name === '__proto__') {
    reportNode(state, 'GH1011', key, '`__proto__` is no name; write another key')
    return undefined
  }
  if (isMergeKey(key)) {
    const instead = 'write the fields out, or share a role or a fragment'
    reportNode(state, 'GH1009', key, `YAML 1.2 has no merge key \`<<\`; ${instead}`)
    return undefined
  }
  if (typeof key.value !== 'string') {
    const instead = `put it in quotes: "${name}"`
    reportNode(state, 'GH1011', key, `a key is text, and YAML reads this one otherwise; ${instead}`)
  }
  const first = known.get(name)
  if (first === undefined) return name
  const related = [{ span: nodeSpan(state.source, first), message: 'first written here' }]
  const message = `the key \`${name}\` stands in this map already; keep one of them`
  report(state.loadContext, 'GH1005', nodeSpan(state.source, key), message, {
    path: toPointer([...state.path, name]),
    related,
  })
  return undefined
}

/** Whether this is the merge key of YAML 1.1; in quotes it is a name like any other. */
export function isMergeKey(key: Node): boolean {
  return isScalar(key) && key.value === '<<' && key.type === 'PLAIN'
}
