/**
 * Returns the faults of an email address, or an empty array. The rules are
 * those of RFC 5321 for lengths and of RFC 5322 for a dot-atom; quoted local parts and address literals are
 * refused on purpose, as most sign-up forms do.
 */
export function emailFaults(email: string): string[] {
  const address = email.trim()
  const at = address.lastIndexOf('@')
  if (at < 0) return ['there is no @']
  const local = address.slice(0, at)
  const domain = address.slice(at + 1)
  const faults: string[] = []
  if (local === '') faults.push('nothing stands before the @')
  else if (!/^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/i.test(local))
    faults.push('the part before the @ has a character or a dot where none may be')
  if (local.length > 64) faults.push('the part before the @ is longer than 64 characters')
  if (!domain.includes('.')) faults.push('the domain has no dot')
  if (!domain.split('.').every(label => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i.test(label)))
    faults.push('the domain has a label that is empty, too long or has a character that may not be there')
  if (address.length > 254) faults.push('the address is longer than 254 characters')
  return faults
}
