import type { Node } from 'yaml'
import type { Span } from '../document/diagnostics.ts'
import { maxRelated, report, skip, type LoadContext } from '../document/load-context.ts'
import { entriesOf, nodeSpan } from '../document/locate.ts'
import type { Entry } from '../document/origin.ts'
import { toPointer } from '../document/pointer.ts'
import { isPlainMap, type PlainMap } from './tree.ts'

/** Names that more than one file declares, with their places, by pointer. */
export type Declared = Map<string, { name: string; spans: Span[] }>

/**
 * Adds the entries of a fragment's block to the same block of the main configuration. The first entry of a name is kept.
 *
 * @param block name of the block
 * @param part what the fragment has under that name, and the key there
 */
export function mergeBlock(
  loadContext: LoadContext,
  block: string,
  part: { fragment: PlainMap; key: Node | undefined },
  root: PlainMap,
  declared: Declared,
): void {
  const { fragment, key } = part
  const origin = loadContext.origins.get(fragment)!
  if (root[block] === undefined) root[block] = createBlock(loadContext, fragment)
  const target = root[block]
  // The schema refuses anything but a map.
  if (!isPlainMap(target)) return
  const targetOrigin = loadContext.origins.get(target)!
  const entries = new Map(entriesOf(targetOrigin))
  targetOrigin.entries = entries
  for (const [name, entry] of entriesOf(origin)) {
    const known = entries.get(name)
    if (known !== undefined) {
      declareAgain(declared, toPointer([block, name]), name, known, entry)
      continue
    }
    if (!(name in fragment)) continue
    entries.set(name, { ...entry, block: key })
    target[name] = fragment[name]
    if (loadContext.skipped.get(fragment)?.has(name)) skip(loadContext, target, name)
  }
}

function createBlock(loadContext: LoadContext, fragment: PlainMap): PlainMap {
  const block: PlainMap = Object.create(null)
  loadContext.origins.set(block, { ...loadContext.origins.get(fragment)!, entries: new Map() })
  return block
}

function declareAgain(declared: Declared, pointer: string, name: string, first: Entry, again: Entry): void {
  const known = declared.get(pointer) ?? { name, spans: [keySpan(first)] }
  known.spans.push(keySpan(again))
  declared.set(pointer, known)
}

function keySpan({ source, key }: Entry): Span {
  return nodeSpan(source, key!)
}

/** Reports every place by itself, because each file may belong to another team. */
export function reportDeclaredTwice(loadContext: LoadContext, declared: Declared): void {
  for (const [path, { name, spans }] of declared) {
    const named = spans.slice(0, maxRelated + 1)
    for (const span of spans) {
      const related = named
        .filter(other => other !== span)
        .slice(0, maxRelated)
        .map(span => ({ span, message: 'also declared here' }))
      report(loadContext, 'GH1017', span, {
        message: `another file declares \`${name}\` too`,
        help: 'rename one of them',
        path,
        related,
      })
    }
  }
}
