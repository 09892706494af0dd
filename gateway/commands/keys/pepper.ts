import type { Loaded } from '../../config/load.ts'

/** The pepper for a new hash. */
export interface PepperChoice {
  /** The pepper; undefined when the configuration has none, or it is not available here. */
  readonly pepper: string | undefined
  /** A warning for the user, when the hash becomes weaker than the configuration asks for. */
  readonly note: string | undefined
}

/** Finds the pepper of a configuration that was read for editing; undefined when it could not be read. */
export function pepperOf(loaded: Loaded | undefined): PepperChoice {
  const reference = loaded?.config.pepper
  if (loaded === undefined || reference === undefined) return { pepper: undefined, note: undefined }
  try {
    return { pepper: loaded.secrets(reference), note: undefined }
  } catch {
    // A missing variable or file is allowed while editing, so it was not reported.
    const where = reference.env === undefined ? `file ${reference.file}` : `variable ${reference.env}`
    const note = `gatehouse: warning: the pepper (${where}) is not available here, so the hash is sha256: without it`
    return { pepper: undefined, note }
  }
}
