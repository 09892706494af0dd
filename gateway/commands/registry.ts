import type { Group } from './cli/command.ts'

/** The commands of the program. To add one, write a file beside this one and add a row here. */
export const program: Group = {
  name: '',
  paragraphs: ['Gatehouse is an MCP gateway whose whole state is one YAML file.'],
  commands: [
    {
      name: 'run',
      summary: 'Serve, and apply changes to the configuration as they are saved',
      load: () => import('./run.ts'),
      serves: true,
    },
    {
      name: 'demo',
      summary: 'Start a mock MCP server and a gateway in front of it, with a new key',
      load: () => import('./demo.ts'),
      serves: true,
    },
    {
      name: 'validate',
      summary: 'Check a configuration and report every problem',
      load: () => import('./validate.ts'),
    },
    {
      name: 'lint',
      summary: 'Check a configuration, and warn about valid but risky settings',
      load: () => import('./lint.ts'),
    },
    {
      name: 'plan',
      summary: 'Show what a change of the configuration does to people and agents',
      load: () => import('./plan.ts'),
    },
    {
      name: 'check',
      summary: 'Prove that a change gives nobody more access, or that nothing is open to everyone',
      load: () => import('./check.ts'),
    },
    {
      name: 'can',
      summary: 'Answer whether a caller may do something, and which rule decides',
      load: () => import('./can.ts'),
    },
    {
      name: 'render',
      summary: 'Print the effective configuration, with fragments and defaults',
      load: () => import('./render.ts'),
    },
    {
      name: 'explain',
      summary: 'Explain a diagnostic, an error or a field',
      load: () => import('./explain.ts'),
    },
    {
      name: 'schema',
      summary: 'Print the JSON Schema of gateway.yaml',
      load: () => import('./schema.ts'),
    },
    {
      name: 'keys',
      summary: 'Create, import, rotate, revoke, list and hash API keys',
      load: () => import('./keys.ts'),
    },
  ],
}
