import { formatOption } from '../cli/common-options.ts'
import { reportOptions } from '../cli/report.ts'
import type { Help } from '../cli/command.ts'

const { config, quiet } = reportOptions

const options = {
  config,
  proxy: { type: 'string', value: 'NAME', help: 'Proxy that is called' },
  tool: { type: 'string', value: 'NAME', help: 'Tool to call' },
  prompt: { type: 'string', value: 'NAME', help: 'Prompt to get' },
  resource: { type: 'string', value: 'URI', help: 'Resource to read' },
  method: { type: 'string', value: 'NAME', help: 'Method to use, such as tasks/list' },
  key: { type: 'string', value: 'NAME', help: 'Key of the caller' },
  claims: {
    type: 'string',
    value: 'FILE',
    help: 'Claims of the token of the caller, as a JSON object; - is stdin',
  },
  certificate: { type: 'string', value: 'FILE', help: 'Certificate of the caller, as PEM' },
  anonymous: { type: 'boolean', default: false, help: 'The caller has no credential' },
  at: {
    type: 'string',
    value: 'TIME',
    help: 'Instant of the call, such as 2027-01-31T12:00:00Z',
    defaultHelp: 'now',
  },
  format: formatOption,
  quiet: { ...quiet, help: 'In text format, print nothing' },
} as const

/** Description of the command. */
export const help = {
  name: 'can',
  args: '[FILE] --proxy NAME --tool NAME --key NAME',
  maxPositionals: 1,
  paragraphs: [
    'Answers whether a caller may do something, and which rule decides. The answer is the decision of a gateway with this configuration. No connection is opened, and no secret is needed.',
    'Name one thing to do and one caller. A token that leaves out `iss`, `aud`, `exp` or `sub` counts as if the claim fitted. Signatures, and the issuers of certificates, are not checked.',
  ],
  options,
  exitCodes: [
    ['0', 'The caller may do it'],
    ['1', 'The caller may not do it'],
    ['2', 'Invalid usage, or a configuration that is not valid'],
  ],
} as const satisfies Help
