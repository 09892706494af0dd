import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { Readable } from 'node:stream'
import t from 'tap'
import type { Io } from '../gateway/commands/cli/io.ts'
import { run as schema } from '../gateway/commands/schema.ts'
import { run as validate } from '../gateway/commands/validate.ts'
import { formatGithub, formatJson, formatText } from '../gateway/config/report/format.ts'
import { formatSarif } from '../gateway/config/report/sarif.ts'
import { found, loadText, loadTexts, oneProxy } from './fixtures/configuration.ts'

const root = dirname(import.meta.dirname)
const inFolder = { cwd: '/config', color: false }
const clearKey = `gate_${'1'.repeat(43)}_000000`

function run(cwd: string, env: Io['env'] = {}, input = ''): { io: Io; out: string[]; err: string[] } {
  const [out, err]: [string[], string[]] = [[], []]
  const io: Io = {
    stdin: Readable.from([Buffer.from(input)]),
    stdout: text => void out.push(text),
    stderr: text => void err.push(text),
    env,
    cwd,
    color: false,
  }
  return { io, out, err }
}

t.test('text shows the line and marks the place', async t => {
  const result = loadText(`version: 1\nlistens: {}\n${oneProxy}`)
  const lines = formatText(result, inFolder).split('\n')
  t.strictSame(lines.slice(1, 3), ['  2 | listens: {}', '    | ^^^^^^^'])
  t.match(lines[0], /^gateway\.yaml:2:1: error GH1201: /)
  t.equal(lines.at(-2), '1 error')
  t.equal(formatText(loadText(`version: 1\n${oneProxy}`), inFolder), '')
  t.match(formatText(result, { ...inFolder, color: true }), '\u001b[31merror\u001b[0m')
  t.match(formatText(result, { cwd: '/other', color: false }), /^\/config\/gateway\.yaml:2:1/)
})

t.test('a long line is cut around the place, and tabs leave the mark under it', async t => {
  const description = 'x'.repeat(300)
  const result = loadText(
    `version: 1\nlisten: {"a":\t"${description}", adress: x} # ${description}\n${oneProxy}`,
  )
  for (const one of result.diagnostics) {
    const [, line = '', mark = ''] = formatText({ ...result, diagnostics: [one] }, inFolder).split('\n')
    t.ok(line.length < 115)
    t.equal(
      line.slice(mark.indexOf('^'), mark.lastIndexOf('^') + 1),
      one.path.endsWith('a') ? '"a"' : 'adress',
    )
  }
})

t.test('text cannot control a terminal', async t => {
  const text = formatText(loadText(`version: 1\n"\\e[2J\u009b\u202ex": 1\n# \u202e\n${oneProxy}`), inFolder)
  // oxlint-disable-next-line no-control-regex -- these control terminals
  t.notMatch(text, /[\u001b\u009b\u202e]/)
})

t.test('json', async t => {
  const bad = loadText(`version: 1\nversion: 1\n${oneProxy}`)
  const document = JSON.parse(formatJson(bad, inFolder)) as Record<string, unknown>
  t.match(document, {
    schemaVersion: 1,
    valid: false,
    diagnostics: [{ code: 'GH1005', file: 'gateway.yaml', line: 2 }],
  })
  t.match(document, { diagnostics: [{ related: [{ file: 'gateway.yaml', line: 1 }] }] })
  t.notOk('revision' in document)
  const good = loadText(`version: 1\n${oneProxy}`)
  const { revision } = good.loaded!
  t.strictSame(JSON.parse(formatJson(good, inFolder)), {
    schemaVersion: 1,
    valid: true,
    revision,
    diagnostics: [],
  })
  const guessed = loadText(`version: 1\nlisten: {drain: "\${DRAIN}"}\n${oneProxy}`, { allowMissingEnv: true })
  t.strictSame(JSON.parse(formatJson(guessed, inFolder)), { schemaVersion: 1, valid: true, diagnostics: [] })
})

t.test('every format says what is wrong, and what to do about it', async t => {
  const result = loadText(`version: 1\nversion: 1\n${oneProxy}`)
  const [{ message, help } = { message: '', help: '' }] = result.diagnostics
  t.strictSame(formatText(result, inFolder).split('\n').slice(0, 5), [
    `gateway.yaml:2:1: error GH1005: ${message}`,
    '  2 | version: 1',
    '    | ^^^^^^^',
    '  gateway.yaml:1:1: first written here',
    `  help: ${help}`,
  ])
  t.match(JSON.parse(formatJson(result, inFolder)), { diagnostics: [{ message, help }] })
  t.match(formatGithub(result, inFolder), `::${message}%0Ahelp: ${help}\n`)
  const text = `${message}\nhelp: ${help}`
  t.match(JSON.parse(formatSarif(result, inFolder)), { runs: [{ results: [{ message: { text } }] }] })
})

t.test('github escapes characters that would end a property or a command', async t => {
  const { diagnostics } = loadText(`version: 1\nlistens: {}\n${oneProxy}`)
  const one = {
    ...diagnostics[0]!,
    file: '/config/a,b:c%.yaml',
    message: '100%\r\n::error::x, y: z',
    help: 'use 99%',
  }
  t.equal(
    formatGithub({ diagnostics: [one], sources: new Map() }, inFolder),
    '::error file=a%2Cb%3Ac%25.yaml,line=2,endLine=2,col=1,endColumn=8,title=GH1201 unknown-field::100%25%0D%0A::error::x, y: z%0Ahelp: use 99%25\n',
  )
  const warning = loadText(`version: 1\ninclude: [x/*]\n${oneProxy}`, {
    glob: () => ({ files: [], directories: [] }),
  })
  t.match(formatGithub(warning, inFolder), /^::warning file=gateway\.yaml,line=2,/)
})

t.test('sarif', async t => {
  const result = loadTexts({
    'gateway.yaml': `version: 1\nversion: 1\ninclude: ["a b.yaml"]\n`,
    'a b.yaml': 'x: 1\n',
  })
  const document = JSON.parse(formatSarif(result, inFolder)) as {
    version: string
    runs: { tool: { driver: { rules: { id: string }[] } }; results: Record<string, unknown>[] }[]
  }
  t.equal(document.version, '2.1.0')
  const { tool, results } = document.runs[0]!
  t.strictSame(
    tool.driver.rules.map(rule => rule.id),
    ['GH1005', 'GH1201', 'GH1202'],
  )
  t.match(
    results.find(one => one['ruleId'] === 'GH1005'),
    {
      ruleIndex: 0,
      level: 'error',
      message: { text: String },
      locations: [
        {
          physicalLocation: {
            artifactLocation: { uri: 'gateway.yaml' },
            region: { startLine: 2, startColumn: 1, endLine: 2, endColumn: 8 },
          },
        },
      ],
      relatedLocations: [{ id: 0, physicalLocation: { region: { startLine: 1 } } }],
    },
  )
  t.match(
    results.find(one => one['ruleId'] === 'GH1201'),
    { locations: [{ physicalLocation: { artifactLocation: { uri: 'a%20b.yaml' } } }] },
  )
})

t.test('no output shows a secret', async t => {
  const env = { TOKEN: 'env-secret-1\n2', KEY: 'env-secret-3', SHORT: 'env-secret-4', PAD: 'env-secret-5' }
  const text = `version: 1
# ${clearKey}
listen: {address: "\${KEY}", drain: "\${PAD:-x}"}
sessions: {secret: {env: SHORT}}
roles: {reader: {access: {}}}
keys:
  a: {roles: [reader, "\${KEY}"], expires: "\${KEY}", secrets: [{hash: "${clearKey}"}, {hash: file-secret-1}, file-secret-2]}
  b: {roles: [reader], password: file-secret-3, secrets: file-secret-4}
proxies:
  mock:
    auth: ["\${KEY}"]
    path: "\${KEY}"
    upstream:
      url: https://u:file-secret-5@host/
      headers:
        Authorization: {value: file-secret-6}
        Cookie: file-secret-7
        X-Api-Key: {env: file-secret-8}
        X-A: {env: TOKEN}
        X-B: {value: "\${TOKEN}"}
`
  const result = loadText(text, { env })
  const codes = new Set(found(result).map(one => one.split(' ')[1]))
  for (const code of ['GH1105', 'GH1205', 'GH1207', 'GH1208', 'GH1308', 'GH1311']) t.ok(codes.has(code), code)
  const outputs = [
    formatText(result, inFolder),
    formatJson(result, inFolder),
    formatGithub(result, inFolder),
    formatSarif(result, inFolder),
  ]
  for (const output of [...outputs, ...result.sources.values()])
    t.notMatch(output, /env-secret|file-secret|1{43}/)
})

t.test('validate', async t => {
  const folder = t.testdir({
    'gateway.yaml': `version: 1\n${oneProxy}`,
    'bad.yaml': `verson: 1\n${oneProxy}`,
    'warn.yaml': `version: 1\ninclude: [x/*]\n${oneProxy}`,
    'env.yaml': `version: 1\nlisten: {drain: "\${DRAIN}"}\n${oneProxy}`,
  })
  const call = async (args: string[], env: Io['env'] = {}, input = '') => {
    const { io, out, err } = run(folder, env, input)
    return { exit: await validate(args, io), out: out.join(''), err: err.join('') }
  }
  const valid = /^gateway\.yaml: valid, revision [0-9a-f]{12}\n$/
  t.match(await call([]), { exit: 0, out: valid, err: '' })
  t.match(await call(['gateway.yaml']), { exit: 0, out: valid })
  t.match(await call(['-c', 'gateway.yaml']), { exit: 0, out: valid })
  t.strictSame(await call(['-q']), { exit: 0, out: '', err: '' })
  t.match(await call(['-c', 'bad.yaml']), { exit: 1, out: '', err: /GH1201/ })
  t.match(await call(['-q', 'bad.yaml']), { exit: 1, out: '', err: /GH1201/ })
  t.match(await call(['warn.yaml']), { exit: 0, out: /valid/, err: /GH1404/ })
  t.strictSame(await call(['-q', 'warn.yaml']), { exit: 0, out: '', err: '' })
  t.match(await call(['none.yaml']), { exit: 2, out: '', err: /GH1001/ })
  t.match(await call(['.']), { exit: 2, out: '', err: /it is a directory/ })
  t.match(await call(['env.yaml']), { exit: 1, err: /GH1101/ })
  t.match(await call(['env.yaml', '--allow-missing-env']), {
    exit: 0,
    out: 'env.yaml: valid; the revision needs DRAIN\n',
  })
  t.match(await call(['env.yaml'], { DRAIN: '5s' }), { exit: 0, out: /valid, revision/ })
  t.match(await call(['-'], {}, `version: 1\n${oneProxy}`), { exit: 0, out: /^<stdin>: valid/ })
  t.match(await call(['-c', '-'], {}, 'x'), { exit: 1, err: /^<stdin>:1:1: error GH1203/ })
  t.match(await call(['--format', 'json', 'bad.yaml']), { exit: 1, out: /"schemaVersion": 1/, err: '' })
  t.match(await call(['--format', 'sarif']), { exit: 0, out: /"results": \[\]/, err: '' })
  t.match(await call(['bad.yaml'], { GITHUB_ACTIONS: 'true' }), {
    exit: 1,
    out: /^::error file=bad\.yaml,/,
    err: '',
  })
  const above = { GITHUB_ACTIONS: 'true', GITHUB_WORKSPACE: dirname(folder) }
  t.match(await call(['bad.yaml'], above), {
    out: new RegExp(`^::error file=${folder.split('/').at(-1)}/bad\\.yaml,`),
  })
  for (const args of [['--format', 'xml'], ['--nonsense'], ['a', 'b'], ['-c', 'a', 'b'], ['-c']]) {
    t.match(
      await call(args),
      { exit: 2, out: '', err: /^gatehouse: .+\nRun `gatehouse validate --help`/ },
      args.join(' '),
    )
  }
  t.match(await call(['--help']), { exit: 0, out: /^Usage: gatehouse validate/, err: '' })
})

t.test('schema prints the schema', async t => {
  const { io, out } = run(root)
  t.equal(await schema([], io), 0)
  t.equal(out.join(''), readFileSync(`${root}/schema/gateway.schema.json`, 'utf8'))
  const { io: other, err } = run(root)
  t.equal(await schema(['extra'], other), 2)
  t.match(err.join(''), /gatehouse schema --help/)
})
