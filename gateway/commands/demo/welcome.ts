/** What runs, and how to reach it. */
export interface Facts {
  /** The MCP endpoint. */
  readonly url: string
  /** The secret of the key `demo`. */
  readonly key: string
  /** Base URL of the admin listener. */
  readonly admin: string
  /** Path of the configuration. */
  readonly config: string
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

/** For programs: one line. */
export function jsonLine({ url, key, admin, config }: Facts): string {
  return `${JSON.stringify({ url, key, admin, config })}\n`
}

/** For people: what runs, how to call it, and what to try. The key stands in it once. */
export function welcome({ url, key, admin, config, mock }: Facts): string {
  const bearer = '"Authorization: Bearer $GATEHOUSE_KEY"'
  const inspector = 'npx -y @modelcontextprotocol/inspector'
  const server = `\\
    --server-url ${url} --transport http --header ${bearer}`
  return `
Gatehouse stands before a mock MCP server.

  MCP endpoint     ${url}
  configuration    ${config}
  status           ${admin}/status
  mock server      ${mock}

In another terminal, the key, which is shown once, and a call:

  export GATEHOUSE_KEY=${key}

  curl -sS -i ${url} \\
    -H ${bearer} \\
    -H 'Content-Type: application/json' -H 'Accept: application/json, text/event-stream' \\
    -H 'MCP-Protocol-Version: 2026-07-28' -H 'Mcp-Method: tools/list' \\
    -d '${list}'

The same with the MCP Inspector, in the browser and in the terminal:

  ${inspector} --web ${server}
  ${inspector} --cli ${server} --method tools/list

Then open the configuration, and see each change applied as you save it:

  - give the key demo the role reader instead of operator: the list has five tools
  - take the key demo out: the next call gets 401
  - write something wrong: nothing changes, and ${admin}/status says where and why

Ctrl-C stops everything and removes the configuration.
`
}
