import type { ErrorObject } from 'ajv/dist/2020.js'
import { whyMalformed } from '../../values/formats.ts'
import type { LoadContext } from '../document/load-context.ts'
import { quoteValue } from '../document/locate.ts'
import type { Path } from '../document/pointer.ts'
import type { Schema } from './schema.ts'
import type { Finding } from './schema-messages.ts'
import { clearKey, looksLikeCredential, redact, referenceFor } from '../document/sensitive.ts'

/**
 * Explains an error at a place where a secret may be in the file by mistake. Does not repeat the value, and hides it in code
 * frames. Returns undefined for other places.
 */
export function explainSecret(
  loadContext: LoadContext,
  root: unknown,
  error: ErrorObject,
  path: Path,
): Finding | undefined {
  const { keyword, data } = error
  const { title } = error.parentSchema as Schema
  if (typeof data !== 'string') return undefined
  if (keyword === 'format') return explainFormat(loadContext, root, error, path)
  if (keyword === 'pattern' && path.at(-1) === 'env')
    return explainVariableName(loadContext, root, error, path)
  if (keyword !== 'type') return undefined
  const name = String(path.at(-1))
  const isValue = title === 'HeaderValue' || title === 'QueryValue'
  if (isValue && !looksLikeCredential(name)) {
    return {
      code: 'GH1203',
      message: `\`${name}\` is text, not a map`,
      help: 'write `{value: text}`, or for a secret `{env: NAME}` or `{file: path}`',
    }
  }
  if (path[2] === 'secrets') {
    redact(loadContext, root, path)
    const help =
      'treat a real secret as leaked, make a new one with `gatehouse keys new`, and write its hash: `- hash: …`'
    return { code: 'GH1208', message: inClear, help }
  }
  if (!isValue && title !== 'SecretReference') return undefined
  const { reference, isVariable } = referenceFor(quoteValue(loadContext, root, path), title === 'HeaderValue')
  if (isVariable) {
    const message = `\`${name}\` is text, not a reference to a secret`
    return { code: 'GH1203', message, help: `write \`${reference}\`` }
  }
  redact(loadContext, root, path)
  const help = `treat a real secret as leaked, make a new one, and write \`${reference}\` or \`{file: path}\``
  return { code: 'GH1208', message: inClear, help }
}

const inClear = 'this looks like a secret in clear'

function explainVariableName(
  loadContext: LoadContext,
  root: unknown,
  error: ErrorObject,
  path: Path,
): Finding {
  redact(loadContext, root, path)
  const { name, isVariable } = referenceFor(quoteValue(loadContext, root, path), false)
  const example = isVariable ? name : String((error.parentSchema as Schema).examples?.[0])
  return {
    code: 'GH1206',
    message: 'this is not the name of an environment variable',
    help: isVariable
      ? `write only the name: \`env: ${example}\``
      : `use letters, digits and underscores, such as \`${example}\``,
  }
}

function explainFormat(
  loadContext: LoadContext,
  root: unknown,
  error: ErrorObject,
  path: Path,
): Finding | undefined {
  const { format } = error.params as { format: string }
  const text = error.data as string
  if (format === 'http-url' && text.includes('@')) {
    redact(loadContext, root, path)
    const { message, help } = whyMalformed(format, text)!
    return { code: 'GH1205', message: `this is ${message}`, help }
  }
  if (format !== 'secret-hash') return undefined
  const quoted = quoteValue(loadContext, root, path)
  // A variable with a secret is a different mistake: nothing has leaked into the file.
  if (clearKey.test(quoted) || (clearKey.test(text) && !quoted.includes('${'))) {
    redact(loadContext, root, path)
    return {
      code: 'GH1208',
      message: 'this is a secret in clear, not its hash',
      help: 'treat the secret as leaked, make a new one with `gatehouse keys new`, and write its hash',
    }
  }
  if (!/^(?:hmac-)?sha256:/.test(text)) redact(loadContext, root, path)
  const { message, help } = whyMalformed(format, text)!
  return { code: 'GH1207', message: `this is ${message}`, help }
}
