/**
 * Keeps SIGUSR1 from opening Node's inspector, through which anybody on this machine could read keys and run code. A
 * listener of our own replaces that of Node. What a signal opened before this was called is closed again; an inspector
 * that was asked for with `--inspect` stays.
 */
export function keepInspectorShut(): void {
  process.on('SIGUSR1', () => {})
  const asked = [...process.execArgv, process.env['NODE_OPTIONS'] ?? '']
  if (!process.features.inspector || asked.some(text => text.includes('--inspect'))) return
  const inspector = process.getBuiltinModule('node:inspector')
  const close = (): void => {
    if (inspector.url() !== undefined) inspector.close()
  }
  close()
  // A signal that came before the listener may take effect a moment later.
  for (const milliseconds of [0, 50, 500]) setTimeout(close, milliseconds).unref()
}
