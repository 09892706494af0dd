import type { Call } from './calls.ts'

/**
 * Makes one call and looks at its answer.
 *
 * @returns how many bytes the answer took, without what framed it in chunks
 * @throws Error where status or content is not what the call should bring
 */
export async function check(url: string, { headers, body, status, answer, never }: Call): Promise<number> {
  const response = await fetch(url, { method: 'POST', headers, body })
  const text = await response.text()
  if (response.status === status && text.includes(answer) && (never === undefined || !text.includes(never))) {
    const lines = [...response.headers].map(([name, value]) => `${name}: ${value}\r\n`)
    return (
      `HTTP/1.1 ${status} ${response.statusText}\r\n${lines.join('')}\r\n`.length + Buffer.byteLength(text)
    )
  }
  throw new Error(
    `a call to ${url} brought ${response.status} and ${JSON.stringify(text.slice(0, 500))}, ` +
      `not ${status} with ${JSON.stringify(answer.slice(0, 100))}`,
  )
}
