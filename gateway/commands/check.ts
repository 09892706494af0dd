import { dispatch } from './cli/dispatch.ts'
import type { Group } from './cli/command.ts'
import type { Io } from './cli/io.ts'

export const help: Group = {
  name: 'check',
  paragraphs: [
    'Proves a property of a configuration over all names and callers, or shows a counterexample. What an issuer writes into tokens, and what an upstream does, is not proved.',
  ],
  commands: [
    {
      name: 'no-new-access',
      summary: 'Prove that a change gives nobody more access',
      load: () => import('./check/no-new-access.ts'),
    },
    {
      name: 'not-granted',
      summary: 'Prove that nobody may use names that match a pattern',
      load: () => import('./check/not-granted.ts'),
    },
    {
      name: 'no-anonymous',
      summary: 'Prove that nothing can be called without a credential',
      load: () => import('./check/no-anonymous.ts'),
    },
  ],
}

/** Runs the command that the first argument names. Returns its exit code. */
export async function run(args: string[], io: Io): Promise<number> {
  return dispatch(help, args, io)
}
