import { isScalar, type Node } from 'yaml'
import { reportNode, type Conversion } from './conversion.ts'
import { report } from '../document/load-context.ts'
import { keyText, nodeSpan } from '../document/locate.ts'
import { toPointer } from '../document/pointer.ts'

/**
 * Returns the text of a key; undefined after reporting why the field is dropped: the key is not text, is `__proto__` or a
 * merge key, or repeats a known key of its map.
 */
export function checkKey(
  state: Conversion,
  key: Node,
  value: Node | null,
  known: ReadonlyMap<string, Node>,
): string | undefined {
  if (!isScalar(key) || key.value === null) {
    const written = key.range?.[0] === key.range?.[1] ? (value ?? key) : key
    reportNode(state, 'GH1011', written, {
      message: 'this key is not text on one line',
      help: 'use a plain name as the key',
    })
    return undefined
  }
  const name = keyText(key)
  if (name === '__proto__') {
    const message = 'the key `__proto__` is not allowed'
    reportNode(state, 'GH1011', key, { message, help: 'choose another name' })
    return undefined
  }
  if (isMergeKey(key)) {
    const help = 'write the fields out, or share a role or a fragment'
    reportNode(state, 'GH1009', key, { message: 'YAML 1.2 has no merge key `<<`', help })
    return undefined
  }
  if (typeof key.value !== 'string') {
    const message = 'YAML does not read this key as text'
    reportNode(state, 'GH1011', key, { message, help: `put the key in quotes: \`"${name}"\`` })
  }
  const first = known.get(name)
  if (first === undefined) return name
  const related = [{ span: nodeSpan(state.source, first), message: 'first written here' }]
  report(state.loadContext, 'GH1005', nodeSpan(state.source, key), {
    message: `the key \`${name}\` is in this map twice`,
    help: hasNames(state.path)
      ? 'remove or rename one of them'
      : 'remove one of them, and move its content to the other',
    path: toPointer([...state.path, name]),
    related,
  })
  return undefined
}

/** Returns whether the keys of a map are names that the author chose, and not fields. */
function hasNames(path: Conversion['path']): boolean {
  if (path.length === 1) return ['auth', 'roles', 'keys', 'proxies'].includes(String(path[0]))
  return path.length === 3 && path[0] === 'roles' && path[2] === 'access'
}

/** Returns whether a key is the merge key of YAML 1.1. In quotes it is an ordinary name. */
export function isMergeKey(key: Node): boolean {
  return isScalar(key) && key.value === '<<' && key.type === 'PLAIN'
}
