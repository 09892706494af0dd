// The suite has no option for request headers. Preloaded into it, this adds those of INJECT_HEADERS to
// all that it sends, in each of the three ways that it sends, unless it set them itself.
const http = require('node:http')
const { createRequire, syncBuiltinESMExports } = require('node:module')

const injected = Object.entries(JSON.parse(process.env.INJECT_HEADERS ?? '{}'))

const { fetch } = globalThis
globalThis.fetch = (input, init) => {
  const headers = new Headers(init?.headers ?? input.headers)
  for (const [name, value] of injected) if (!headers.has(name)) headers.set(name, value)
  return fetch(input, { ...init, headers })
}

const { request } = http
http.request = (...args) => {
  const outgoing = request(...args)
  for (const [name, value] of injected) if (!outgoing.hasHeader(name)) outgoing.setHeader(name, value)
  return outgoing
}
syncBuiltinESMExports()

// Not require('undici'): the suite brings a copy of its own, and each copy has its own dispatcher.
const undici = createRequire(process.argv[1])('undici')
const adding = dispatch => (options, handler) => {
  const headers = { ...options.headers }
  const names = new Set(Object.keys(headers).map(name => name.toLowerCase()))
  for (const [name, value] of injected) if (!names.has(name.toLowerCase())) headers[name] = value
  return dispatch(Array.isArray(options.headers) ? options : { ...options, headers }, handler)
}
undici.setGlobalDispatcher(undici.getGlobalDispatcher().compose(adding))
