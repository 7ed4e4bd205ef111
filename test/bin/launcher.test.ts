// The launcher, in a project of its own whose program only says what it was given.

import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, closeSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, openSync, realpathSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t from 'tap'
import { thriftFlags } from '../../bin/thrift-flags.js'
import { projectRoot } from '../tidy/source.js'

const root = realpathSync(mkdtempSync(join(tmpdir(), 'vaultfs-launcher-')))
t.teardown(() => {
  rmSync(root, { recursive: true })
})
const launcher = join(root, 'bin/vaultfs')
mkdirSync(dirname(launcher))
writeFileSync(join(root, 'package.json'), '{"type": "module"}')
copyFileSync(join(projectRoot(import.meta.dirname), 'bin/vaultfs'), launcher)
chmodSync(launcher, 0o755)
const run = (words: readonly string[], options: { readonly node?: string; readonly nodeOptions?: string } = {}) =>
  // tap puts a hook into NODE_OPTIONS of every child, which would catch the signal.
  spawnSync('env', [...(options.nodeOptions === undefined ? ['-u', 'NODE_OPTIONS'] : [`NODE_OPTIONS=${options.nodeOptions}`]), options.node ?? process.execPath, launcher, ...words], { encoding: 'utf8', env: { PATH: process.env['PATH'] } })

const unbuilt = run([])
t.equal(unbuilt.status, 72)
t.match(unbuilt.stderr, /^vaultfs: vaultfs is not built .*npm ci.*\n$/)

mkdirSync(join(root, 'dist/bin'), { recursive: true })
writeFileSync(join(root, 'dist/bin/vaultfs.js'), `
  import { readFileSync } from 'node:fs'
  const [word, value] = process.argv.slice(2)
  if (word === 'exit') process.exit(Number(value))
  if (['status', 'verify', 'mount'].includes(word)) console.log(process.execArgv.join(' '))
  if (word === 'abort') process.kill(process.pid, 'SIGABRT')
  if (word === 'read') console.log(readFileSync(3, 'utf8'))
  if (word === 'env') console.log(JSON.stringify({ flags: process.execArgv, options: process.env.NODE_OPTIONS ?? null, version: process.versions.node, argv: process.argv.slice(2) }))
  if (word === 'wait') {
    const wait = setInterval(() => undefined, 1000)
    process.on('SIGTERM', () => { console.log('term'); clearInterval(wait); process.exitCode = 7 })
    console.log('ready')
  }
`)
t.equal(run(['exit', '0']).status, 0)
t.equal(run(['exit', '53']).status, 53, 'the exit code is passed on')
t.equal(run(['abort']).signal, 'SIGABRT', 'and the signal')
const told = JSON.parse(run(['env', 'a b', '--x=$y'], { nodeOptions: '--no-warnings' }).stdout)
t.equal(told.options, null, 'NODE_OPTIONS does not reach it')
t.strictSame(told.argv, ['env', 'a b', '--x=$y'])
t.ok(told.flags.includes('--disable-sigusr1'), 'no debugger by a signal')

t.test('what was bundled goes before what was compiled, unless that is newer', async (t) => {
  mkdirSync(join(root, 'dist-run/bin'), { recursive: true })
  t.teardown(() => { rmSync(join(root, 'dist-run'), { recursive: true }) })
  const bundle = join(root, 'dist-run/bin/vaultfs.js')
  writeFileSync(bundle, `console.log('bundled', process.env.NODE_COMPILE_CACHE)`)
  const compiled = join(root, 'dist/.tsbuildinfo')
  writeFileSync(compiled, '')
  const at = (path: string, sec: number): void => { utimesSync(path, sec, sec) }
  at(bundle, 2000)
  at(compiled, 1000)
  t.equal(run(['exit', '5']).stdout, `bundled ${join(realpathSync(root), 'dist-run/cache')}\n`)
  at(compiled, 3000)
  t.equal(run(['exit', '5']).status, 5, 'compiled after it was bundled')
})

t.test('a descriptor is passed on', async (t) => {
  writeFileSync(join(root, 'secret'), 'by descriptor')
  const fd = openSync(join(root, 'secret'), 'r')
  for (const words of [['--passphrase-fd', '3'], ['--passphrase-fd=3']])
    t.equal(spawnSync(process.execPath, [launcher, 'read', ...words], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit', openSync(join(root, 'secret'), 'r')] }).stdout, 'by descriptor\n')
  closeSync(fd)
})

t.test('a signal is passed on', async (t) => {
  const child = spawn(process.execPath, [launcher, 'wait'], { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  child.stdout.on('data', (bytes: Buffer) => {
    said += bytes.toString()
    if (said === 'ready\n') child.kill('SIGTERM')
  })
  const code = await new Promise((resolve) => child.on('close', resolve))
  t.equal(said, 'ready\nterm\n')
  t.equal(code, 7)
})

t.test('through a link, and from an old Node', async (t) => {
  symlinkSync(launcher, join(root, 'linked'))
  t.equal(spawnSync(process.execPath, [join(root, 'linked'), 'exit', '9']).status, 9)
  const old = ['/usr/bin/node', '/usr/local/bin/node'].filter((path) => existsSync(path)).find((path) => {
    const major = Number(/^v(\d+)/.exec(spawnSync(path, ['--version'], { encoding: 'utf8' }).stdout)?.[1])
    return major >= 18 && major < 22
  })
  if (old === undefined) return t.comment('skipped: no Node older than 22 here')
  const refused = run(['exit', '0'], { node: old })
  t.equal(refused.status, 72)
  t.match(refused.stderr, /Node 22\.15 or newer/)
  const brought = join(root, `node_modules/node-linux-${process.arch}/bin`)
  mkdirSync(brought, { recursive: true })
  symlinkSync(process.execPath, join(brought, 'node'))
  t.equal(JSON.parse(run(['env'], { node: old }).stdout).version, process.versions.node, 'the one that npm ci brought along')
})

t.test('only what stays is told to be thrifty, and in the same words as a daemon', async (t) => {
  const isThrifty = (...words: readonly string[]): boolean => thriftFlags.every((flag) => run(words).stdout.split(/\s/).includes(flag))
  t.ok(isThrifty('verify'))
  t.ok(isThrifty('mount', 'Vault', '--foreground'))
  t.ok(isThrifty('mount', '-f', 'Vault'))
  t.notOk(isThrifty('mount', 'Vault'))
  t.notOk(isThrifty('status'))
})
