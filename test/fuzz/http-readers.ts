import { createRequire } from 'node:module'
import { HTTPParser } from 'http-parser-js'
import { AnswerReader } from '../../gateway/http/client/answer.ts'

/** Result of reading the first response in some bytes. */
export interface Reading {
  readonly status: number
  /** All values by lower-case name. */
  readonly headers: Readonly<Record<string, readonly string[]>>
  readonly body: string
  /** Number of bytes up to the end of the response. */
  readonly end: number
}

/** Reads the bytes and the end of the connection. Returns undefined when they are refused or incomplete. */
export type Reader = (bytes: Buffer) => Reading | undefined

/** The gateway's reader. It gets one byte at a time, which shows where a response ends. */
export const readByByte: Reader = bytes => {
  const found = { status: 0, headers: {} as Reading['headers'], body: '', end: -1 }
  const reader = new AnswerReader({
    onHead(status, headers) {
      found.status = status
      const lists = Object.entries(headers).map(([name, value]) => [name, [value ?? []].flat()] as const)
      found.headers = Object.fromEntries(lists)
    },
    onBody: content => void (found.body += content.toString('latin1')),
    onEnd: () => void (found.end = at),
  })
  const one = Buffer.alloc(1)
  let at = 0
  try {
    while (at < bytes.length && found.end < 0) {
      one[0] = bytes[at++]!
      reader.read(one, 1)
    }
    if (found.end < 0) reader.close()
  } catch (error) {
    const { code } = error as { code?: string }
    if (code !== 'answer_malformed' && code !== 'answer_head_too_large') throw error
    return undefined
  }
  return found.end < 0 ? undefined : found
}

declare const WebAssembly: {
  readonly Module: new (bytes: Buffer) => object
  readonly Instance: new (module: object, imports: object) => { readonly exports: object }
}

interface Llhttp {
  readonly memory: { readonly buffer: ArrayBuffer }
  llhttp_alloc(type: number): number
  llhttp_free(parser: number): void
  llhttp_execute(parser: number, at: number, length: number): number
  llhttp_finish(parser: number): number
  llhttp_get_error_pos(parser: number): number
  malloc(length: number): number
}

const paused = 21
const room = 64 * 1024
const responses = 2

/** Creates a reader with undici's llhttp. */
export function createLlhttpReader(): Reader {
  const require = createRequire(import.meta.url)
  const module = new WebAssembly.Module(require('undici/lib/llhttp/llhttp-wasm.js') as Buffer)
  let status = 0
  let names: string[] = []
  let values: string[] = []
  let body = ''
  let isWhole = false
  let isUpgrade = false
  const text = (at: number, length: number): string =>
    Buffer.from(llhttp.memory.buffer, at, length).toString('latin1')
  const none = (): number => 0
  const { exports } = new WebAssembly.Instance(module, {
    env: {
      wasm_on_url: none,
      wasm_on_status: none,
      wasm_on_message_begin() {
        names = []
        values = []
        return 0
      },
      wasm_on_header_field(_parser: number, at: number, length: number) {
        // Trailers come after the body, and no reader reports them.
        if (status === 0) names.push(text(at, length))
        return 0
      },
      wasm_on_header_value(_parser: number, at: number, length: number) {
        if (status === 0) values.push(text(at, length))
        return 0
      },
      wasm_on_headers_complete(_parser: number, code: number, upgrade: number) {
        status = code
        isUpgrade = upgrade === 1
        return 0
      },
      wasm_on_body(_parser: number, at: number, length: number) {
        body += text(at, length)
        return 0
      },
      wasm_on_message_complete() {
        if (status < 200 && !isUpgrade) {
          status = 0
          return 0
        }
        isWhole = true
        return paused
      },
    },
  })
  const llhttp = exports as unknown as Llhttp
  const memory = llhttp.malloc(room)

  return bytes => {
    const parser = llhttp.llhttp_alloc(responses)
    ;[status, names, values, body, isWhole, isUpgrade] = [0, [], [], '', false, false]
    try {
      new Uint8Array(llhttp.memory.buffer, memory, room).set(bytes)
      const result = llhttp.llhttp_execute(parser, memory, bytes.length)
      let end = bytes.length
      if (result === paused) end = llhttp.llhttp_get_error_pos(parser) - memory
      else if (result !== 0 || llhttp.llhttp_finish(parser) !== paused) return undefined
      if (!isWhole || isUpgrade) return undefined
      return {
        status,
        headers: grouped(names.flatMap((name, index) => [name, values[index] ?? ''])),
        body,
        end,
      }
    } finally {
      llhttp.llhttp_free(parser)
    }
  }
}

/** Reads with http-parser-js, which shares neither language nor authors with llhttp. */
export const readByScript: Reader = bytes => {
  HTTPParser.encoding = 'latin1' as 'ascii'
  const parser = new HTTPParser('RESPONSE') as unknown as Script
  const found = { status: 0, headers: {} as Reading['headers'], body: '', end: -1 }
  let isDone = false
  parser[HTTPParser.kOnHeadersComplete] = info => {
    if (isDone) return
    found.status = info.statusCode
    found.headers = grouped(info.headers)
    found.body = ''
  }
  parser[HTTPParser.kOnBody] = (chunk, from, length) => {
    if (!isDone) found.body += chunk.toString('latin1', from, from + length)
  }
  parser[HTTPParser.kOnMessageComplete] = () => {
    if (isDone || found.status < 200) return
    isDone = true
    found.end = parser.offset
  }
  const result = parser.execute(bytes, 0, bytes.length)
  if (!isDone && typeof result !== 'number') return undefined
  if (!isDone) parser.finish()
  return isDone ? { ...found, end: found.end < 0 ? bytes.length : found.end } : undefined
}

interface Script {
  readonly offset: number
  execute(bytes: Buffer, from: number, length: number): number | Error
  finish(): unknown
  [callback: number]: (...values: any[]) => void
}

/** Returns fields by name, without trailing blanks, which both readers leave to their callers. */
function grouped(raw: readonly string[]): Reading['headers'] {
  const headers: Record<string, string[]> = {}
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index]!.toLowerCase()
    const value = raw[index + 1]!.replace(/[ \t]+$/, '')
    if (Object.hasOwn(headers, name)) headers[name]!.push(value)
    else Object.defineProperty(headers, name, { value: [value], enumerable: true, configurable: true })
  }
  return headers
}
