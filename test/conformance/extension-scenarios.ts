/** The scenarios of extensions that must pass. The suite runs those of tasks among the rest, and scores none of them. */
export const extensionScenarios: readonly string[] = [
  'tasks-lifecycle',
  'tasks-capability-negotiation',
  'tasks-wire-fields',
  'tasks-request-state-removal',
  'tasks-mrtr-input',
  'tasks-request-headers',
  'tasks-dispatch-and-envelope',
  'tasks-required-task-error',
  'tasks-mrtr-composition',
]

/** Those that the suite runs only when it is asked for each. */
export const separateScenarios: readonly string[] = [
  'sep-2640-skills-directory',
  'sep-2640-skills-enumeration',
  'sep-2640-skills-manifest',
]

/** The scenarios of extensions that cannot pass, and why. */
export const impossibleScenarios: Readonly<Record<string, string>> = {
  'tasks-status-notifications': 'it skips its only check, until the suite reads subscriptions/listen',
}
