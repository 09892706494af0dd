import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { filler, tools } from './calls.ts'
import { nginxConf } from './nginx.ts'

const listed = 20
/** Method whose response is the longest list that the gateway filters. */
export const longList = 'prompts/list'
const maxListed = 220_000

/**
 * Writes the upstream of the bench: nginx with one fixed response for each tool. The request headers select it, because
 * parsing JSON would cost too much. Every request has the id 1. The responses have no headers of files, such as ETag,
 * Last-Modified and Accept-Ranges, because those of MCP servers have none.
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
  // nginx refuses POST to a file with 405. `error_page` turns that into 200 with the file.
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

/** Returns the tools of the list; the caller may use half of them. */
function tool(): object[] {
  const names = Array.from({ length: listed / 2 }, (_, index) => [`get_${index}`, `delete_${index}`])
  names[0]![0] = 'get_small'
  return names.flat().map(name => ({
    name,
    description: filler(120),
    inputSchema: { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] },
  }))
}
