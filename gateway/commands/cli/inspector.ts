/**
 * Keeps SIGUSR1 from opening Node's inspector, through which anybody on this machine could read keys and run code.
 * Replaces Node's listener, and closes an inspector that an earlier signal opened. An inspector that `--inspect` opened
 * stays.
 */
export function keepInspectorShut(): void {
  process.on('SIGUSR1', () => {})
  const flags = [...process.execArgv, process.env['NODE_OPTIONS'] ?? '']
  if (!process.features.inspector || flags.some(text => text.includes('--inspect'))) return
  const inspector = process.getBuiltinModule('node:inspector')
  const close = (): void => {
    if (inspector.url() !== undefined) inspector.close()
  }
  close()
  // A signal that arrived before the listener may take effect a moment later.
  for (const milliseconds of [0, 50, 500]) setTimeout(close, milliseconds).unref()
}
