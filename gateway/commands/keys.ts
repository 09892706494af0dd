import type { Group } from './cli/command.ts'
import { dispatch } from './cli/dispatch.ts'
import type { Io } from './cli/io.ts'

export const help: Group = {
  name: 'keys',
  paragraphs: [
    '`new`, `import`, `rotate` and `revoke` edit the configuration in place: comments, order and layout stay as they are.',
  ],
  commands: [
    {
      name: 'new',
      summary: 'Add a key to the configuration and print its secret once',
      load: () => import('./keys/new.ts'),
    },
    {
      name: 'import',
      summary: 'Add many keys with existing secrets, read from stdin',
      load: () => import('./keys/import.ts'),
    },
    {
      name: 'rotate',
      summary: 'Add a new secret to a key, and let the current ones expire',
      load: () => import('./keys/rotate.ts'),
    },
    { name: 'revoke', summary: 'Disable a key', load: () => import('./keys/revoke.ts') },
    {
      name: 'list',
      summary: 'List keys with their owner, roles, state and expiry',
      load: () => import('./keys/list.ts'),
    },
    {
      name: 'hash',
      summary: 'Print the hash of an existing secret, read from stdin',
      load: () => import('./keys/hash.ts'),
    },
  ],
}

/** Runs one of the `gatehouse keys` commands. Returns its exit code. */
export const run = (args: string[], io: Io): Promise<number> => dispatch(help, args, io)
