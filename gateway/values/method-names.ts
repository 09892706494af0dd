/**
 * All methods that a client may send: those of the core specification (2024-11-05 to 2026-07-28), and of the extensions
 * for tasks (SEP-2663, and tasks of 2025-11-25) and skills (SEP-2640). MCP Apps adds none: its methods are between a view
 * and its host.
 */
export const methodNames = [
  'initialize',
  'notifications/initialized',
  'ping',
  'server/discover',
  'tools/list',
  'tools/call',
  'prompts/list',
  'prompts/get',
  'resources/list',
  'resources/templates/list',
  'resources/read',
  'resources/subscribe',
  'resources/unsubscribe',
  'resources/directory/read',
  'skills/list',
  'skills/get',
  'completion/complete',
  'logging/setLevel',
  'subscriptions/listen',
  'tasks/get',
  'tasks/update',
  'tasks/result',
  'tasks/cancel',
  'tasks/list',
  'notifications/cancelled',
  'notifications/progress',
  'notifications/roots/list_changed',
  'notifications/tasks/status',
] as const

export type MethodName = (typeof methodNames)[number]
