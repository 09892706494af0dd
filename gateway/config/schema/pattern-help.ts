const tokenCharacters = 'use letters, digits and hyphens, without spaces or colons'
const printable = 'use printable ASCII'
const printableWord = 'use printable ASCII without spaces'
const scopes = 'use printable ASCII without quotation marks or backslashes, and one space between scopes'

/** Help for texts that do not match, by `pattern` of the schema. A test finds patterns that are missing here. */
export const patternHelp: Readonly<Record<string, string>> = {
  '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$':
    'use at most 64 letters, digits, dots, underscores and hyphens, and begin with a letter or digit',
  "^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$": tokenCharacters,
  "^[A-Za-z0-9!#$%&'*+.^_`|~-]{0,64}$": 'write one word without spaces',
  "^[A-Za-z0-9!#$%&'*+.^`|~-]{1,128}$": `${tokenCharacters} or underscores`,
  '^[A-Za-z0-9-]{1,128}$': 'use letters, digits and hyphens',
  '^[A-Za-z_][A-Za-z0-9_]*$': 'use letters, digits and underscores, and do not begin with a digit',
  '^[!-"$-~]{1,1024}$': `${printableWord} or \`#\``,
  '^[ -~]{1,1024}$': printable,
  '^[!-~]{1,128}$': printableWord,
  '^[!-~]{1,256}$': printableWord,
  '^[!-~]{1,2048}$': printableWord,
  '^(?!offline_access$)[!#-\\[\\]-~]{1,256}$':
    'write one scope without spaces, quotation marks or backslashes, except `offline_access`',
  '^[!#-\\[\\]-~]+(?: [!#-\\[\\]-~]+)*$': scopes,
  '^(?:none|[A-Za-z][A-Za-z0-9+.-]*:[!"$-?A-~]+)$':
    'write an absolute URI without a fragment, or `none` to send no resource',
}
