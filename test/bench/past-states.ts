// A tree changed at random over many snapshots, then each state in `.versions` compared with what was there, by name, type,
// mode, owner, time, size, links and hash; and what a snapshot of an unchanged tree adds to the store. Through the commands
// and the kernel. Run: node dist/test/bench/past-states.js [files] [states] [seed]

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { appendFileSync, chmodSync, existsSync, linkSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { argv, execPath, stdout } from 'node:process'
import { Random } from '../model/random.js'

const [fileCount, stateCount, seed] = [Number(argv[2] ?? 10_000), Number(argv[3] ?? 50), Number(argv[4] ?? 1)]
const unchangedSnapshots = 10
const folder = mkdtempSync(join(tmpdir(), 'vaultfs-past-states-'))
const mount = join(folder, 'M')
const tree = join(mount, 'tree')
const random = new Random(seed)
const program = join(import.meta.dirname, '../../bin/vaultfs.js')
let folders = [tree]
let files: string[] = []
let made = 0

function vaultfs(...args: readonly string[]): void {
  execFileSync(execPath, [program, ...args], { cwd: folder, env: { ...process.env, HOME: folder, XDG_RUNTIME_DIR: folder, VAULTFS_GUARD: 'mode' }, stdio: ['ignore', 'ignore', 'pipe'] })
}

function newName(): string {
  return join(random.pick(folders), `n${made++}`)
}

function write(path: string): void {
  writeFileSync(path, random.bytes(random.pick([0, 8, 100, 3000, 20_000])))
}

function moveFolder(): void {
  if (folders.length < 4) return
  const from = random.pick(folders.slice(1))
  const to = newName()
  if (to.startsWith(`${from}/`)) return
  renameSync(from, to)
  const moved = (path: string): string => (path === from || path.startsWith(`${from}/`) ? to + path.slice(from.length) : path)
  folders = folders.map(moved)
  files = files.map(moved)
}

const changes: readonly (readonly [share: number, change: (path: string) => void])[] = [
  [30, write],
  [10, (path) => { appendFileSync(path, 'more') }],
  [15, (path) => { unlinkSync(path) }],
  [15, (path) => { const to = newName(); renameSync(path, to); files.push(to) }],
  [10, () => { const path = newName(); write(path); files.push(path) }],
  [7, (path) => { chmodSync(path, random.pick([0o600, 0o644, 0o755])) }],
  [5, (path) => { const to = newName(); linkSync(path, to); files.push(to) }],
  [4, (path) => { renameSync(path, random.pick(files)) }],
  [4, moveFolder],
]

function change(): void {
  let left = random.below(100)
  for (const [share, work] of changes) {
    if ((left -= share) >= 0) continue
    const path = random.pick(files)
    work(path)
    if (!existsSync(path)) files = files.filter((each) => each !== path)
    return
  }
}

/** By path, everything that is to come back. */
function picture(top: string): Map<string, string> {
  const out = new Map<string, string>()
  for (const entry of readdirSync(top, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    const { mode, uid, gid, mtimeNs, size, nlink } = lstatSync(path, { bigint: true })
    const content = entry.isFile() ? [size, nlink, createHash('sha256').update(readFileSync(path)).digest('hex')] : []
    out.set(path.slice(top.length + 1), [mode, uid, gid, mtimeNs, ...content].join(' '))
  }
  return out
}

/** Without the log, whose segments are set aside in advance. */
function storeBytes(): number {
  return Number(execFileSync('du', ['-s', '-B1', '--exclude=log', join(folder, 'store')], { encoding: 'utf8' }).split('\t')[0])
}

function load(): string {
  return `load ${loadavg()[0]?.toFixed(1) ?? ''}`
}

try {
  writeFileSync(join(folder, 'right'), 'right\n')
  vaultfs('mount', 'M', '--store', 'store', '--passphrase-file', 'right', '--create', '--recovery', 'later', '--kdf-memory-mib', '64', '--kdf-passes', '1')
  mkdirSync(tree)
  for (let at = 0; at < fileCount / 20; at++) {
    const path = newName()
    mkdirSync(path)
    folders.push(path)
  }
  for (let at = 0; at < fileCount; at++) files.push(newName())
  files.forEach(write)
  const states: (readonly [string, Map<string, string>])[] = []
  for (let state = 0; state < stateCount; state++) {
    for (let at = 0; state > 0 && at < fileCount / 20; at++) change()
    vaultfs('snapshot', `state-${state}`, '--mountpoint', mount)
    states.push([`state-${state}`, picture(tree)])
  }
  let [entries, differing] = [0, 0]
  const began = performance.now()
  for (const [name, was] of states) {
    const now = picture(join(mount, '.versions', name, 'tree'))
    entries += was.size
    for (const path of new Set([...was.keys(), ...now.keys()])) if (was.get(path) !== now.get(path) && differing++ < 10) stdout.write(`${name} ${path}: ${was.get(path) ?? 'missing'} | ${now.get(path) ?? 'missing'}\n`)
  }
  stdout.write(`${stateCount} states, ${entries} entries, ${differing} differ, read in ${((performance.now() - began) / 1000).toFixed(0)} s (${load()})\n`)
  const before = storeBytes()
  for (let at = 0; at < unchangedSnapshots; at++) vaultfs('snapshot', `same-${at}`, '--mountpoint', mount)
  const grown = (storeBytes() - before) / unchangedSnapshots
  stdout.write(`a snapshot of the unchanged tree adds ${grown} bytes, ${((grown / before) * 100).toFixed(4)} % of the store's ${before}\n`)
  if (differing > 0) process.exitCode = 1
} finally {
  try {
    vaultfs('unmount', 'M')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
