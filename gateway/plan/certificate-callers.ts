import { mtls } from '../../policies/mtls.ts'
import type { PolicyDependencies } from '../../policies/policy.ts'
import type { CertificateCondition, MtlsAuth } from '../../schema/config.ts'
import { classesOf } from '../access/analysis/classes.ts'
import type { CertificateNames, ClientCertificate } from '../auth/certificate.ts'
import { anonymous } from '../auth/principal.ts'
import { parseFingerprint } from '../values/fingerprint.ts'
import { matchGlob, parseGlob } from '../values/glob.ts'
import type { CallerClass } from './callers.ts'
import { distinct, methodCallers, pairwise } from './method-callers.ts'
import type { Side } from './side.ts'

/** The properties of a certificate that conditions look at. */
interface Sample {
  readonly names: CertificateNames
  readonly subject?: string
  readonly digest?: string
}

const noNames: CertificateNames = { uri: [], dns: [], email: [] }

/**
 * Returns certificates that stand for all that two configurations accept: for every combination of at most two grants, a
 * smallest one that satisfies them. See tokenCallers.
 *
 * @returns undefined if there are too many
 */
export function certificateCallers(before: Side, after: Side): CallerClass[] | undefined {
  return methodCallers<CertificateCondition, MtlsAuth, Sample>(before, after, {
    includes: method => method.type === 'mtls',
    samplesOf,
    rolesBy,
    label: (name, sample) => `certificate for ${name} with ${describe(sample)}`,
  })
}

function describe({ names, subject, digest }: Sample): string {
  const sans = [names.uri, names.dns, names.email].flat()
  return [
    ...sans.map(san => `the name ${san}`),
    ...(subject === undefined ? [] : [`the subject ${subject}`]),
    ...(digest === undefined ? [] : [`the fingerprint ${digest.slice(0, 16)}…`]),
  ].join(' and ')
}

/** Returns a function that asks the policy for the roles of a certificate, whoever issued it. */
function rolesBy(name: string, { type, grants }: MtlsAuth): (sample: Sample) => readonly string[] {
  const trusting = { name, clientTrust: { problemOf: () => undefined } }
  const authenticator = mtls.create({ type, grants }, trusting as unknown as PolicyDependencies)
  return ({ names, subject = '', digest = '0'.repeat(64) }) => {
    const certificate = { names, subject, digest, notBefore: 0, notAfter: Infinity, chain: [] }
    const presented = certificate as unknown as ClientCertificate
    return authenticator.review({ ...anonymous, certificate: presented }, 0).roles
  }
}

function samplesOf(conditions: readonly CertificateCondition[]): Sample[] | undefined {
  const whens = distinct(conditions)
  const sans = valuesOf(whens.flatMap(({ san = [] }) => san))
  const subjects = valuesOf(whens.flatMap(({ subject = [] }) => subject))
  if (sans === undefined || subjects === undefined) return undefined
  return pairwise(
    whens.map(when => samplesFor(when, sans, subjects)),
    merge,
  )
}

function valuesOf(patterns: readonly string[]): string[] | undefined {
  const lists = [...new Set(patterns)].map(pattern => [parseGlob(pattern)])
  return classesOf(lists)?.map(({ witness }) => witness)
}

function samplesFor(
  { san, subject, fingerprint }: CertificateCondition,
  sans: readonly string[],
  subjects: readonly string[],
): Sample[] {
  let samples: Sample[] = [{ names: noNames }]
  if (san !== undefined) {
    const patterns = [san].flat()
    samples = sans
      .filter(text => patterns.some(pattern => matchGlob(parseGlob(pattern), text)))
      .map(text => ({ names: namesOf(text) }))
  }
  if (subject !== undefined) {
    const glob = parseGlob(subject)
    const fitting = subjects.filter(text => matchGlob(glob, text))
    samples = samples.flatMap(sample => fitting.map(text => Object.assign({}, sample, { subject: text })))
  }
  if (fingerprint === undefined) return samples
  const digest = parseFingerprint(fingerprint)
  return samples.map(sample => Object.assign({}, sample, { digest }))
}

/** Returns the names of a certificate with one name, whose form gives its kind as in the policy. */
function namesOf(text: string): CertificateNames {
  if (text.includes(':')) return { ...noNames, uri: [text] }
  return text.includes('@') ? { ...noNames, email: [text] } : { ...noNames, dns: [text.toLowerCase()] }
}

/** Returns the certificate that has the properties of both; none if one certificate cannot have them. */
function merge(one: Sample, other: Sample): Sample[] {
  const [subject, digest] = [one.subject ?? other.subject, one.digest ?? other.digest]
  if (other.subject !== undefined && other.subject !== subject) return []
  if (other.digest !== undefined && other.digest !== digest) return []
  const join = (kind: keyof CertificateNames): string[] => [
    ...new Set([...one.names[kind], ...other.names[kind]]),
  ]
  return [
    {
      names: { uri: join('uri'), dns: join('dns'), email: join('email') },
      ...(subject !== undefined && { subject }),
      ...(digest !== undefined && { digest }),
    },
  ]
}
