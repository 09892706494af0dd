/** The servers that run, and how to reach them. */
export interface Facts {
  /** The MCP endpoint. */
  readonly url: string
  /** The secret of the key `demo`. */
  readonly key: string
  /** Base URL of the admin listener. */
  readonly admin: string
  /** Path of the configuration. */
  readonly config: string
  /** Path of the log. */
  readonly log: string
  /** The mock server's own endpoint. */
  readonly mock: string
}

const list = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/list',
  params: {
    _meta: {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': {},
    },
  },
})

/** Returns the output for programs: one line. */
export function jsonLine({ url, key, admin, config, log }: Facts): string {
  return `${JSON.stringify({ url, key, admin, config, log })}\n`
}

/** Returns the output for people: what runs, how to call it, and what to try. It shows the key once. */
export function welcome({ url, key, admin, config, log, mock }: Facts): string {
  const bearer = '"Authorization: Bearer $GATEHOUSE_KEY"'
  const inspector = 'npx -y @modelcontextprotocol/inspector@2'
  const server = `\\
    --server-url ${url} --transport http --header ${bearer}`
  return `
Gatehouse is running in front of a mock MCP server.

  MCP endpoint     ${url}
  configuration    ${config}
  log              ${log}
  status           ${admin}/status
  mock server      ${mock}

Paste this into another terminal. The key is shown only once.

  export GATEHOUSE_KEY=${key}

  curl -sS -i ${url} \\
    -H ${bearer} \\
    -H 'Content-Type: application/json' -H 'Accept: application/json, text/event-stream' \\
    -H 'MCP-Protocol-Version: 2026-07-28' -H 'Mcp-Method: tools/list' \\
    -d '${list}'

The response is 200, with 15 tools. Or use the MCP Inspector, in the browser or in the terminal:

  ${inspector} --web ${server}
  ${inspector} --cli ${server} --method tools/list

Then edit the configuration. Each change is applied when you save it, and this terminal says so:

  - change the role of the key demo from operator to reader: the list has five tools
  - remove the key demo: the next call gets 401
  - make a mistake: nothing changes, and you read where it is

Ctrl-C stops everything. A configuration that you changed is kept.
`
}
