/** Scenarios of extensions that must pass. The suite runs those of tasks with the others, and scores none of them. */
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

/** Scenarios that the suite runs only one by one. */
export const separateScenarios: readonly string[] = [
  'sep-2640-skills-directory',
  'sep-2640-skills-enumeration',
  'sep-2640-skills-manifest',
]

/** Scenarios of extensions that cannot pass, with the reason. */
export const impossibleScenarios: Readonly<Record<string, string>> = {
  'tasks-status-notifications': 'it skips its only check, until the suite reads subscriptions/listen',
}
