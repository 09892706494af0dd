import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { filler, tools } from './calls.ts'
import { nginxConf } from './nginx.ts'

const listed = 20
/** The method that is answered with a list as long as one can be. */
export const longList = 'prompts/list'
const maxListed = 220_000

/**
 * Writes the upstream of the bench: nginx with one fixed answer for each tool, chosen by the headers that mirror the
 * body, because nothing that reads JSON would be cheap enough. Every request has the id 1. What nginx says of files is
 * left out: an MCP server has no ETag, Last-Modified or Accept-Ranges to give.
 *
 * @returns the path of its nginx.conf
 */
export function writeUpstream(folder: string, port: number): string {
  const answers = join(folder, 'answers')
  mkdirSync(answers, { recursive: true })
  const names = Object.entries(tools)
  for (const [name, { bytes, events }] of names) {
    const message = result({ content: [{ type: 'text', text: filler(bytes) }], resultType: 'complete' })
    writeFileSync(join(answers, name), events ? `event: message\ndata: ${message}\n\n` : message)
  }
  writeFileSync(
    join(answers, 'list'),
    result({ tools: tool(), ttlMs: 0, cacheScope: 'public', resultType: 'complete' }),
  )
  const prompts = Array.from({ length: maxListed }, (_, index) => ({ name: `get_${index}` }))
  writeFileSync(
    join(answers, 'long'),
    result({ prompts, ttlMs: 0, cacheScope: 'public', resultType: 'complete' }),
  )
  const chosen = names.map(([name]) => `    tools/call:${name} /${name};`).join('\n')
  const streams = names.flatMap(([name, { events }]) => (events ? [name] : []))
  // A file that is posted to is "not allowed"; that is undone, which makes a GET of it.
  return nginxConf(
    folder,
    `map $http_mcp_method:$http_mcp_name $answer {
    tools/list: /list;
    ${longList}: /long;
${chosen}
  }
  open_file_cache max=20 inactive=1h;
  open_file_cache_valid 1h;
  server {
    listen 127.0.0.1:${port} reuseport;
    root ${answers};
    default_type application/json;
    etag off;
    max_ranges 0;
    add_header Last-Modified "";
    error_page 405 =200 $uri;
    location = /mcp { rewrite ^ $answer last; }
    ${streams.map(name => `location = /${name} { default_type text/event-stream; }`).join('\n    ')}
  }`,
  )
}

function result(value: object): string {
  return JSON.stringify({ jsonrpc: '2.0', id: 1, result: value })
}

/** Half of them for the caller, half not. */
function tool(): object[] {
  const names = Array.from({ length: listed / 2 }, (_, index) => [`get_${index}`, `delete_${index}`])
  names[0]![0] = 'get_small'
  return names.flat().map(name => ({
    name,
    description: filler(120),
    inputSchema: { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] },
  }))
}
