/** The options that commands on two configurations share. */
export const sideOptions = {
  quiet: { type: 'boolean', short: 'q', default: false, help: 'In text format, print nothing' },
} as const

/** How the two configurations are named. */
export const sidesHelp =
  'OLD and NEW are files, folders with a gateway.yaml, or files of a git revision, such as `HEAD~1:gateway.yaml`, with the fragments of that revision. No secret is needed.'
