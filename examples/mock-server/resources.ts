import type { McpServer } from '@modelcontextprotocol/server'

import { resourceUris } from './data.ts'
import type { Data } from './data.ts'

/** Adds the three resources. Each is the whole list at the time of reading, as JSON. */
export function registerResources(server: McpServer, data: Data): void {
  const add = (name: 'users' | 'products' | 'posts', title: string, description: string): void => {
    server.registerResource(
      name,
      resourceUris[name],
      { title, description, mimeType: 'application/json' },
      uri => ({
        contents: [
          {
            uri: uri.href,
            mimeType: 'application/json',
            text: JSON.stringify([...data[name].values()], null, 2),
          },
        ],
      }),
    )
  }
  add('users', 'All users', 'Every user, changed by create_user, update_user and delete_user.')
  add('products', 'The catalogue', 'Every product with its stock, changed by process_order.')
  add('posts', 'All posts', 'Every post, changed by create_post and delete_user.')
}
