/** A value as YAML on one line, as an author would write it. */
export function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`
  if (typeof value === 'object' && value !== null) {
    return `{${Object.entries(value)
      .map(([name, field]) => `${scalar(name)}: ${flow(field)}`)
      .join(', ')}}`
  }
  return typeof value === 'string' ? scalar(value) : String(value)
}

function scalar(text: string): string {
  return /^[A-Za-z0-9/][A-Za-z0-9 ._/@:+-]*$/.test(text) &&
    !/: |[ :]$|^(?:true|false|null|[0-9.]+)$/.test(text)
    ? text
    : JSON.stringify(text)
}
