// `npm run test:reader`: random histories of a whole vault, read by the second reader from a copy of the store at any
// time, with what is only in the log: its tree must be the model's, and each state that the manifest tells the one that
// its own fold makes.
// SEEDS (how many), SEED (the first), STEPS, EVERY (steps between two looks).
import { createHash } from 'node:crypto'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { tellState } from '../../lib/vault-state.js'
import { typeMask, types, type MemoryNode, type MemoryState } from '../model/memory-state.js'
import { Random } from '../model/random.js'
import { VaultPair } from '../model/vault-pair.js'
import { randomStep } from '../model/vault-steps.js'
import { parsedLines, runPython, type ListedEntry } from '../reader/second-reader.js'
import { testKeys } from '../support/open-vault.js'

const setting = (name: string, otherwise: number): number => Number(process.env[name] ?? otherwise)
const [seeds, first, steps, every] = [setting('SEEDS', 10), setting('SEED', 1), setting('STEPS', 240), setting('EVERY', 40)]

interface Shown {
  readonly kind: string
  readonly mode: number
  readonly owner: string
  readonly links: number
  readonly size: number
  readonly mtimeNs: string
  readonly target: string
  readonly sha256: string | null
  readonly xattrs: string
}

function modelTree(state: MemoryState): Map<string, Shown> {
  const shown = new Map<string, Shown>()
  const look = (node: MemoryNode, path: string): void => {
    shown.set(path, shownNode(node))
    node.names?.list(0, ({ name, ino }) => {
      const child = state.node(ino)
      if (child !== undefined) look(child, path === '' ? name : `${path}/${name}`)
      return true
    })
  }
  const root = state.node(1)
  if (root !== undefined) look(root, '')
  return shown
}

const kinds = new Map<number, string>([
  [types.file, 'file'], [types.directory, 'directory'], [types.symlink, 'symlink'], [0o010000, 'fifo'], [0o140000, 'socket'], [0o020000, 'character'], [0o060000, 'block'],
])

function shownNode(node: MemoryNode): Shown {
  const { content } = node
  const bytes = Buffer.alloc(content?.size ?? 0)
  content?.read(0, bytes)
  return {
    kind: kinds.get(node.mode & typeMask) ?? '?', mode: node.mode & 0o7777, owner: `${String(node.uid)}:${String(node.gid)}`,
    links: node.isDirectory ? 0 : node.nlink, size: node.isDirectory ? 0 : node.size,
    mtimeNs: String(BigInt(node.mtimeSec) * 1_000_000_000n + BigInt(node.mtimeNsec)), target: Buffer.from(node.target ?? []).toString('latin1'),
    sha256: content === undefined ? null : createHash('sha256').update(bytes).digest('hex'),
    xattrs: JSON.stringify([...node.xattrs].map(([name, value]) => [name, Buffer.from(value).toString('hex')]).sort()),
  }
}

function shownEntry({ kind, mode, uid, gid, links, size, mtimeNs, target, sha256, xattrs }: ListedEntry): Shown {
  const isFolder = kind === 'directory'
  return { kind, mode, owner: `${String(uid)}:${String(gid)}`, links: isFolder ? 0 : links, size: isFolder ? 0 : size, mtimeNs, target, sha256, xattrs: JSON.stringify(Object.entries(xattrs).sort()) }
}

/** What the second reader says of a copy of the store: differences in words. */
async function compare(pair: VaultPair, options: readonly string[]): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'vaultfs-reader-soak-'))
  const [store, passphrase] = [join(folder, 'store'), join(folder, 'passphrase')]
  try {
    cpSync(pair.vault.store, store, { recursive: true, filter: (path) => !path.endsWith('-shm') })
    const { headerBytes, deviceFile } = await testKeys()
    for (const name of ['header', 'header.backup']) writeFileSync(join(store, name), headerBytes)
    writeFileSync(join(store, 'device'), deviceFile)
    writeFileSync(passphrase, 'model\n')
    const { status, stdout, stderr } = await runPython('vaultfs_reader.py', 'list', store, '--json', '--sha256', '--passphrase-file', passphrase, ...options)
    const found = status === 0 ? [] : [`it answers ${String(status)}: ${stderr}`]
    const read = new Map(parsedLines<ListedEntry>(stdout).map((entry) => [entry.path, shownEntry(entry)]))
    const wanted = modelTree(pair.model.state)
    for (const path of new Set([...read.keys(), ...wanted.keys()])) {
      const [one, other] = [JSON.stringify(read.get(path)), JSON.stringify(wanted.get(path))]
      if (one !== other) found.push(`${path}: read ${one}, wanted ${other}`)
    }
    return found
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function comparePublished(pair: VaultPair): Promise<string[]> {
  pair.trace.push('publish, and read')
  await pair.vault.vault.publishAll()
  await tellState(pair.vault.vault)
  return compare(pair, [])
}

/** As a kill leaves it. */
async function compareLogged(pair: VaultPair): Promise<string[]> {
  pair.trace.push('spill, and read')
  const { contents } = pair.vault.vault
  for (const content of contents.all()) await contents.drain(content)
  await pair.vault.vault.syncLog()
  return compare(pair, ['--with-log'])
}

async function run(seed: number): Promise<string[]> {
  const pair = new VaultPair(new Random(seed))
  await pair.open()
  try {
    for (let step = 1; step <= steps; step++) {
      await randomStep(pair)
      if (step % every !== 0) continue
      await pair.quiet()
      const found = pair.random.chance(0.5) ? await compareLogged(pair) : await comparePublished(pair)
      if (found.length > 0) return [...pair.trace.slice(-20), `step ${String(step)}`, ...found.slice(0, 10)]
      if (pair.random.chance(0.2)) await pair.reopen()
    }
    return []
  } finally {
    await pair.remove().catch(() => undefined)
  }
}

for (let seed = first; seed < first + seeds; seed++) {
  const found = await run(seed)
  console.log(`seed ${String(seed)}: ${found.length === 0 ? 'the same' : `\n${found.join('\n').replace(/x{255}/g, 'x…')}`}`)
  if (found.length > 0) process.exitCode = 1
}
