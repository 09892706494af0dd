import type { Loaded } from '../../config/load.ts'

/** What a new hash is made with. */
export interface PepperChoice {
  /** The pepper; undefined where the configuration has none, or it cannot be had here. */
  readonly pepper: string | undefined
  /** A sentence for whoever runs the command, where the hash becomes weaker than the configuration asks for. */
  readonly note: string | undefined
}

/** Finds the pepper of a configuration that was read as one that is edited; undefined for none that could be read. */
export function pepperOf(loaded: Loaded | undefined): PepperChoice {
  const reference = loaded?.config.pepper
  if (loaded === undefined || reference === undefined) return { pepper: undefined, note: undefined }
  try {
    return { pepper: loaded.secrets(reference), note: undefined }
  } catch {
    // Absent variables and files do not matter to what is edited, so nobody has complained of this one.
    const where = reference.env === undefined ? `in ${reference.file}` : `in the variable ${reference.env}`
    const note = `the pepper, ${where}, is not to be had here: the hash is sha256:, without it`
    return { pepper: undefined, note }
  }
}
