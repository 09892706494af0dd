import { X509Certificate } from 'node:crypto'
import { resolve } from 'node:path'
import type { Config } from '../../../schema/config.ts'
import type { Wish } from '../../analysis/answer.ts'
import type { Caller, Place } from '../../analysis/caller.ts'
import { readBounded } from '../../config/document/files.ts'
import { isPlainMap } from '../../config/read/tree.ts'
import { isJudgeable } from '../../mcp/operation.ts'
import { parseInstant } from '../../values/units.ts'
import type { Values } from '../cli/arguments.ts'
import { didYouMean } from '../cli/did-you-mean.ts'
import { readStdin, type Io } from '../cli/io.ts'
import type { help } from './options.ts'

type Asked = Values<(typeof help)['options']>

/** A mistake in the arguments: the sentence for the user. */
export class QuestionError extends Error {}

/** Largest file of claims, in bytes. */
const maxClaimsBytes = 65_536
const wishes = ['tool', 'prompt', 'resource', 'method'] as const

/** Returns what the arguments ask about. @throws QuestionError */
export function readWish(values: Asked): Wish {
  const given = wishes.filter(kind => values[kind] !== undefined)
  const [kind] = given
  if (kind === undefined || given.length > 1)
    throw new QuestionError('name one of `--tool`, `--prompt`, `--resource` and `--method`')
  const name = values[kind]!
  if (!isJudgeable(name))
    throw new QuestionError(`\`--${kind}\` is empty or too long, or has control characters`)
  return { kind, name }
}

/** Returns the proxy and the instant that the arguments name. @throws QuestionError */
export async function readPlace(values: Asked, config: Config, now: Date): Promise<Place> {
  const { proxy, at } = values
  if (proxy === undefined) throw new QuestionError('option `--proxy` is required')
  await checkName('proxy', proxy, Object.keys(config.proxies))
  return { config, proxy, now: at === undefined ? now.getTime() : readInstant(at) }
}

function readInstant(text: string): number {
  try {
    return parseInstant(text)
  } catch {
    throw new QuestionError(`\`--at\` is not an instant: \`${text}\`; write it as 2027-01-31T12:00:00Z`)
  }
}

async function checkName(kind: string, name: string, names: readonly string[]): Promise<void> {
  if (names.includes(name)) return
  throw new QuestionError(`no ${kind} is named \`${name}\`${await didYouMean(name, names)}`)
}

/** Returns the caller that the arguments name. @throws QuestionError */
export async function readCaller(values: Asked, config: Config, io: Io): Promise<Caller> {
  const { key, claims, certificate, anonymous } = values
  const given = [key, claims, certificate, anonymous || undefined].filter(value => value !== undefined)
  if (given.length !== 1)
    throw new QuestionError('name one of `--key`, `--claims`, `--certificate` and `--anonymous`')
  if (key !== undefined) {
    await checkName('key', key, Object.keys(config.keys))
    return { key }
  }
  if (claims !== undefined) return { claims: await readClaims(claims, io) }
  if (certificate !== undefined) return { certificate: readCertificate(certificate, io) }
  return { anonymous: true }
}

async function readClaims(file: string, io: Io): Promise<Record<string, unknown>> {
  const bytes = file === '-' ? await readStdin(io, maxClaimsBytes) : readFile('claims', file, io)
  if (bytes.length > maxClaimsBytes) throw new QuestionError('the claims are larger than 64 KiB')
  let value: unknown
  try {
    value = JSON.parse(bytes.toString('utf8'))
  } catch {
    throw new QuestionError('the claims are not valid JSON')
  }
  if (!isPlainMap(value)) throw new QuestionError('the claims are not a JSON object')
  return value
}

function readCertificate(file: string, io: Io): X509Certificate {
  try {
    return new X509Certificate(readFile('certificate', file, io))
  } catch (error) {
    if (error instanceof QuestionError) throw error
    throw new QuestionError('the certificate is not a PEM certificate')
  }
}

function readFile(option: string, file: string, { cwd }: Io): Buffer {
  try {
    return readBounded(resolve(cwd, file))
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    throw new QuestionError(`the file of \`--${option}\` cannot be read: ${file} (${code})`)
  }
}
