import type { McpServer } from '@modelcontextprotocol/server'
import { memorySkillFiles, SkillsExtension } from '@modelcontextprotocol/server/ext/skills'

const manifest = (name: string, description: string, body: string): string =>
  `---\nname: ${name}\ndescription: ${description}\n---\n\n# ${name}\n\n${body}\n`

/** Files of the skills: one with folders, and one with only its SKILL.md. */
const files: Record<string, string> = {
  'invoices/SKILL.md': manifest(
    'invoices',
    'Writes an invoice',
    'Fill a template of `templates/` as `references/FORMAT.md` says.',
  ),
  'invoices/references/FORMAT.md': '# Format\n\nOne line per item.\n',
  'invoices/templates/domestic.md': '# Invoice\n',
  'invoices/templates/eu/reverse-charge.md': '# Invoice with reverse charge\n',
  'reviews/SKILL.md': manifest('reviews', 'Reviews a change', 'Read it twice.'),
}

/** Creates a function that registers the skills of the conformance suite on a server (SEP-2640). */
export async function loadSkills(): Promise<(server: McpServer) => void> {
  const catalog = await SkillsExtension.load(memorySkillFiles(files), {
    cacheHint: { ttlMs: 60_000, cacheScope: 'public' },
    pageSize: 1,
    strict: true,
  })
  return server => catalog.attach(server)
}
