/** The configuration file, which may also be the positional argument. */
export const configOption = {
  type: 'string',
  short: 'c',
  value: 'FILE',
  help: 'Configuration file',
  defaultHelp: 'gateway.yaml',
} as const

/** Text for people, or JSON for scripts. */
export const formatOption = {
  type: 'string',
  value: 'FORMAT',
  choices: ['text', 'json'],
  default: 'text',
  help: 'Output format',
} as const
