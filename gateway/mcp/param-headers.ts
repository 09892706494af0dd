import { Refusal } from './errors.ts'
import { decodeMirrored, headerMismatch } from './header-value.ts'
import { elements, foldCase, members, type Member } from './json.ts'
import type { Message } from './message.ts'
import type { ParamAnnotation, ParamAnnotations } from './param-annotations.ts'

const prefix = 'Mcp-Param-'
const hyphen = 0x2d
const integer = /^-?(?:0|[1-9]\d{0,15})(?:\.0{1,16})?$/

/** Values by the name after the prefix, in lower case. */
type ParamHeaders = ReadonlyMap<string, string>

/**
 * Refuses a request whose Mcp-Param-* headers contradict the arguments in its body (MCP 2026-07-28, Server Behavior for
 * Custom Headers). A header belongs to the argument that is annotated with its name; such an argument needs its header. Any
 * other header belongs to the argument of the same name, apart from case, hyphens and underscores. The upstream judges the
 * rest.
 *
 * @param rawHeaders names and values, flat; copies that agree are removed
 * @param body the messages that will be forwarded
 * @param required whether an annotated argument needs its header; not so in the legacy era
 * @throws Refusal `header_mismatch`
 */
export function checkParamHeaders(
  rawHeaders: string[],
  messages: readonly Message[],
  body: Buffer,
  known: ParamAnnotations,
  required: boolean,
): void {
  const headers = paramHeaders(rawHeaders, messages[0]?.id)
  if (headers === undefined && (known.size === 0 || !required)) return
  for (let index = 0; index < messages.length; index++) {
    const { id, method, params } = messages[index]!
    const annotations = method === 'tools/call' ? known.of(String(params?.['name'])) : undefined
    if (headers === undefined ? annotations === undefined : params === undefined) continue
    const text = body.toString('utf8')
    const message = isBatch(text) ? elements(text)[index]!.members : members(text)
    const paramsMember = message.find(({ name }) => name === 'params')
    const holder = paramsMember && members(text, paramsMember.start).find(({ name }) => name === 'arguments')
    checkAnnotated(text, holder, headers, annotations, required, id)
    if (headers !== undefined && holder !== undefined) checkNamed(text, holder, headers, annotations, id)
  }
}

function paramHeaders(rawHeaders: string[], id: string | undefined): ParamHeaders | undefined {
  let found: Map<string, string> | undefined
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!
    if (name.length <= prefix.length || name.charCodeAt(3) !== hyphen || name.charCodeAt(9) !== hyphen)
      continue
    const lower = name.toLowerCase()
    if (!lower.startsWith('mcp-param-')) continue
    const param = lower.slice(prefix.length)
    found ??= new Map()
    if (found.get(param) === rawHeaders[index + 1]) {
      rawHeaders.splice(index, 2)
      index -= 2
      continue
    }
    for (const before of found.keys()) {
      if (asVariable(before) !== asVariable(param)) continue
      throw new Refusal('mcp_header_repeated', { values: { name: headerName(param) }, id })
    }
    found.set(param, rawHeaders[index + 1]!)
  }
  return found
}

/** Replaces underscores by hyphens: CGI, WSGI and others do not distinguish them. */
const asVariable = (name: string): string => name.replaceAll('_', '-')
const headerName = (param: string): string => prefix + param.slice(0, 128)

function checkAnnotated(
  text: string,
  holder: Member | undefined,
  headers: ParamHeaders | undefined,
  annotations: readonly ParamAnnotation[] = [],
  required: boolean,
  id: string | undefined,
): void {
  for (const { header, path } of annotations) {
    const value = headers?.get(header)
    if (value === undefined && !required) continue
    let argument: Member | undefined | 'ambiguous' = holder
    for (const step of path) {
      if (typeof argument === 'object') argument = argumentOf(text, argument, step)
    }
    if (argument !== 'ambiguous' && agrees(text, argument, value)) continue
    throw headerMismatch(headerName(header), value, `params.arguments.${path.join('.').slice(0, 128)}`, id)
  }
}

function checkNamed(
  text: string,
  holder: Member,
  headers: ParamHeaders,
  annotations: readonly ParamAnnotation[] = [],
  id: string | undefined,
): void {
  const named = members(text, holder.start)
  for (const [header, value] of headers) {
    if (annotations.some(annotation => annotation.header === header)) continue
    for (const argument of named) {
      if (folded(argument.name) !== folded(header) || isContainer(text, argument)) continue
      if (agrees(text, argument, value)) continue
      throw headerMismatch(headerName(header), value, `params.arguments.${argument.name.slice(0, 128)}`, id)
    }
  }
}

const folded = (name: string): string => foldCase(name).replaceAll(/[-_]/g, '')

const isBatch = (text: string): boolean => text.trimStart().startsWith('[')

/** Returns a member of an argument; `ambiguous` if some parser would read another one. */
function argumentOf(text: string, { start }: Member, name: string): Member | undefined | 'ambiguous' {
  const found = members(text, start).filter(member => foldCase(member.name) === foldCase(name))
  return found.length > 1 || (found.length === 1 && found[0]!.name !== name) ? 'ambiguous' : found[0]
}

/** Returns whether a member is an object or an array: these are never mirrored. */
const isContainer = (text: string, { start }: Member): boolean => text[start] === '{' || text[start] === '['

/** Returns whether a header agrees with an argument. No header means that the argument is missing or null. */
function agrees(text: string, argument: Member | undefined, header: string | undefined): boolean {
  const written = argument === undefined ? 'null' : text.slice(argument.start, argument.end)
  if (header === undefined || written === 'null') return header === undefined && written === 'null'
  const decoded = decodeMirrored(header)
  if (decoded === undefined || isContainer(text, argument!)) return false
  const value = JSON.parse(written) as string | number | boolean
  if (typeof value === 'string') return decoded === value
  if (decoded === written) return true
  return Number.isSafeInteger(value) && integer.test(decoded) && Number(decoded) === value
}
