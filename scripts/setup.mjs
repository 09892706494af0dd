// Runs before `npm start` and `npm test`, on Node 20 or later: installs missing dependencies.
// `--for-tests` also installs the Debian packages of the tests, `--for-bench` those of the bench.
import { execFileSync, spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

const modified = file => {
  try {
    return statSync(`${root}/${file}`).mtimeMs
  } catch {
    return 0
  }
}

if (modified('node_modules/.package-lock.json') < modified('package-lock.json')) {
  process.stderr.write('gatehouse: installing dependencies (npm ci)\n')
  execFileSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  })
}

const wanted = {
  ...(process.argv.includes('--for-tests') && { chromium: 'chromium', openssl: 'openssl' }),
  ...(process.argv.includes('--for-bench') && { wrk: 'wrk', nginx: 'nginx-light' }),
}
if (Object.keys(wanted).length > 0) {
  const found = program => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0
  const missing = Object.keys(wanted)
    .filter(program => !found(program))
    .map(program => wanted[program])
  if (missing.length > 0) {
    const sudo = process.getuid?.() === 0 ? [] : ['sudo', '-n']
    const apt = [...sudo, 'sh', '-c', `apt-get update -qq && apt-get install -y -qq ${missing.join(' ')}`]
    process.stderr.write(`gatehouse: installing Debian packages: ${missing.join(' ')}\n`)
    const run = spawnSync(apt[0], apt.slice(1), {
      stdio: ['ignore', 2, 2],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    })
    if (run.status !== 0) {
      process.stderr.write(
        `gatehouse: cannot install Debian packages; run: apt-get install ${missing.join(' ')}\n`,
      )
      process.exit(1)
    }
  }
}
