// `npm run test:past`: a real tree of 10 000 files is changed, renamed and deleted over 50 snapshots; then every
// `.versions/<name>` is compared with what the tree was, by hash, before and after a remount and a rebuild. Says what a
// snapshot costs. VAULTFS: the launcher; FILES, SNAPSHOTS, SEED, FROM (folders to take files from, separated by colons).
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  appendFileSync, chmodSync, copyFileSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, renameSync, rmSync, statSync, symlinkSync,
  unlinkSync, writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { Random } from '../model/random.js'
import { projectRoot } from '../tidy/source.js'

const setting = (name: string, otherwise: string): string => process.env[name] ?? otherwise
const files = Number(setting('FILES', '10000'))
const snapshots = Number(setting('SNAPSHOTS', '50'))
const sources = setting('FROM', '/usr/share/doc:/usr/include:/usr/lib/python3:/usr/share/perl').split(':')
const vaultfs = setting('VAULTFS', join(projectRoot(import.meta.dirname), 'bin/vaultfs'))
const random = new Random(Number(setting('SEED', '1')))
const work = mkdtempSync(join(tmpdir(), 'vaultfs-past-'))
const mount = join(work, 'Vault')
const store = join(work, 'store')
const environment = { ...process.env, HOME: work, XDG_RUNTIME_DIR: join(work, 'run'), VAULTFS_GUARD: 'mode' }

function run(...args: string[]): string {
  return execFileSync(vaultfs, args, { env: environment, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
}

function pick<Item>(items: readonly Item[]): Item {
  return items[random.below(items.length)] as Item
}

const secret = ['--passphrase-file', join(work, 'passphrase')]
const say = (text: string): void => { console.log(text) }
const mib = (bytes: number): string => `${(bytes / 1048576).toFixed(1)} MiB`

function* everythingIn(folder: string): IterableIterator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    yield path
    if (entry.isDirectory()) yield* everythingIn(path)
  }
}

/** A line for each entry: path, kind, mode, size, time, link count, hash. */
function pictureOf(folder: string): string[] {
  return [...everythingIn(folder)].map((path) => {
    const { mode, size, mtimeMs, nlink } = lstatSync(path)
    const kind = mode & 0o170000
    const body = kind === 0o100000 ? createHash('sha256').update(readFileSync(path)).digest('hex') : kind === 0o120000 ? readlinkSync(path) : ''
    return `${path.slice(folder.length + 1)} ${mode.toString(8)} ${String(kind === 0o040000 ? 0 : size)} ${String(mtimeMs)} ${String(kind === 0o040000 ? 0 : nlink)} ${body}`
  }).sort()
}

function fill(): void {
  let count = 0
  for (const source of sources) {
    if (!existsSync(source)) continue
    for (const path of everythingIn(source)) {
      if (count >= files) return
      const stat = lstatSync(path)
      if (!stat.isFile() || stat.size > 1_000_000) continue
      const target = join(mount, path)
      mkdirSync(dirname(target), { recursive: true })
      copyFileSync(path, target)
      count++
    }
  }
}

function change(round: number): void {
  const all = [...everythingIn(mount)]
  const isFile = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false })?.isFile() === true
  const some = (count: number): string[] => [...new Set(Array.from({ length: count }, () => pick(all)))].filter(isFile)
  for (const path of some(80)) appendFileSync(path, `round ${String(round)}\n`)
  for (const path of some(30)) writeFileSync(path, random.bytes(random.below(300_000)))
  for (const path of some(20)) {
    writeFileSync(`${path}.new`, `replaced in round ${String(round)}\n`)
    renameSync(`${path}.new`, path)
  }
  for (const path of some(20)) chmodSync(path, pick([0o600, 0o644, 0o755]))
  for (const path of some(40)) renameSync(path, join(dirname(path), `${String(round)} ${basename(path)}`.slice(-200)))
  for (const path of some(40)) unlinkSync(path)
  for (let index = 0; index < 40; index++) writeFileSync(join(mount, `new ${String(round)} ${String(index)}`), random.bytes(random.below(20_000)))
  symlinkSync('usr', join(mount, `link ${String(round)}`))
  const folders = all.filter((path) => lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true)
  const moved = pick(folders)
  if (dirname(moved) !== mount) renameSync(moved, join(mount, `moved ${String(round)}`))
  const doomed = pick(folders)
  if (existsSync(doomed) && readdirSync(doomed).length < 20 && dirname(doomed) !== mount) rmSync(doomed, { recursive: true })
}

function storeBytes(): number {
  return Number(execFileSync('du', ['-sB1', '--exclude=log', store], { encoding: 'utf8' }).split('\t')[0])
}

function compareAll(pictures: ReadonlyMap<string, readonly string[]>, when: string): number {
  let different = 0
  const began = performance.now()
  for (const [name, picture] of pictures) {
    const found = pictureOf(join(mount, '.versions', name))
    const [wanted, there] = [new Set(picture), new Set(found)]
    const lines = [...found.filter((line) => !wanted.has(line)), ...picture.filter((line) => !there.has(line))]
    if (lines.length === 0) continue
    different++
    say(`DIFFERENT ${when} ${name}: ${String(lines.length)} lines\n  ${lines.slice(0, 6).join('\n  ')}`)
  }
  say(`${when}: ${String(pictures.size)} snapshots compared in ${((performance.now() - began) / 1000).toFixed(1)} s, ${String(different)} different`)
  return different
}

function remount(): number {
  const began = performance.now()
  run('mount', mount, '--store', store, ...secret)
  return performance.now() - began
}

let different = 0
try {
  mkdirSync(join(work, 'run'), { mode: 0o700 })
  writeFileSync(join(work, 'passphrase'), 'a passphrase\n')
  run('mount', mount, '--store', store, '--create', '--recovery', 'later', '--kdf-memory-mib', '64', '--kdf-passes', '1', ...secret)
  fill()
  run('sync', mount)
  const pictures = new Map<string, readonly string[]>()
  run('snapshot', 'state 0', '--mountpoint', mount)
  pictures.set('state 0', pictureOf(mount))
  const first = storeBytes()
  run('unmount', mount)
  say(`${String(pictures.get('state 0')?.length)} entries, store ${mib(first)}; mount with 1 snapshot ${remount().toFixed(0)} ms`)
  const unchanged = storeBytes()
  for (let index = 0; index < 10; index++) run('snapshot', `same ${String(index)}`, '--mountpoint', mount)
  say(`a snapshot of the unchanged tree: ${((storeBytes() - unchanged) / 10 / 1024).toFixed(1)} KiB, ${(((storeBytes() - unchanged) / 10 / first) * 100).toFixed(4)} % of the store`)
  const began = performance.now()
  for (let round = 1; round <= snapshots; round++) {
    change(round)
    run('snapshot', `state ${String(round)}`, '--mountpoint', mount)
    pictures.set(`state ${String(round)}`, pictureOf(mount))
  }
  say(`${String(snapshots)} rounds in ${((performance.now() - began) / 1000).toFixed(0)} s; store ${mib(storeBytes())}, history.db ${mib(statSync(join(store, 'history.db')).size)}`)
  different += compareAll(pictures, 'mounted')
  run('unmount', mount)
  say(`mount with ${String(snapshots + 11)} snapshots ${remount().toFixed(0)} ms`)
  different += compareAll(new Map([...pictures].slice(0, 5)), 'after a remount')
  for (const [label, command] of [
    ['find', 'find . | wc -l'], ['grep -r', 'grep -rl round . | wc -l'], ['tar', 'tar cf - . | wc -c'], ['cp -r', `cp -r . ${join(work, 'copy')} && diff -r . ${join(work, 'copy')} && echo same`],
  ] as const) {
    const began = performance.now()
    const { stdout, stderr, status } = spawnSync('sh', ['-c', command], { cwd: join(mount, '.versions', `state ${String(Math.floor(snapshots / 2))}`), encoding: 'utf8' })
    if (status !== 0) different++
    say(`${label} inside of a version: ${stdout.trim()} ${stderr.trim()} in ${((performance.now() - began) / 1000).toFixed(1)} s`)
  }
  run('unmount', mount)
  for (const name of readdirSync(store)) if (/^(catalog|history)\.db/.test(name)) rmSync(join(store, name))
  say(run('rebuild', '--store', store, ...secret).trim())
  remount()
  different += compareAll(pictures, 'after a rebuild')
  different += Number(pictureOf(mount).join('\n') !== pictures.get(`state ${String(snapshots)}`)?.join('\n'))
  run('unmount', mount)
} finally {
  spawnSync('sh', ['-c', `mountpoint -q '${mount}' && ${vaultfs} unmount '${mount}' --lazy`], { env: environment })
  rmSync(work, { recursive: true, force: true })
}
say(different === 0 ? 'all the same' : `${String(different)} DIFFERENT`)
process.exit(different === 0 ? 0 : 1)
