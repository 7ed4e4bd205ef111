// One random step of the vault's model test. What is drawn depends on the seed and on the model alone, so that a prefix
// of a run is the run's beginning.
import { fallocateModes } from '../../lib/tree/posix/modes.js'
import { request } from '../support/open-vault.js'
import { typeMask, types, type MemoryNode } from './memory-state.js'
import type { VaultPair } from './vault-pair.js'

type Step = (pair: VaultPair) => Promise<void>

const KiB = 1024
const MiB = 1024 * KiB
/** Larger files make a run slow and find nothing more. */
const sizeMax = 40 * MiB
const names = [...'abcdefgh', 'B\xe4r', 'x'.repeat(255), 'Makefile', '.git', 'a b', '-']

function nodes(pair: VaultPair, which: (node: MemoryNode) => boolean): MemoryNode[] {
  return [...pair.model.state.nodes.values()].filter(which)
}

function pick(pair: VaultPair, which: (node: MemoryNode) => boolean): MemoryNode | undefined {
  const from = nodes(pair, which)
  return from.length === 0 ? undefined : pair.random.pick(from)
}

const isFile = (node: MemoryNode): boolean => node.content !== undefined
const isLiveDirectory = (node: MemoryNode): boolean => node.isDirectory && node.nlink > 0

function place(pair: VaultPair): { parent: number; name: string } {
  return { parent: pick(pair, isLiveDirectory)?.ino ?? 1, name: pair.random.pick(names) }
}

/** A place that has a name, most of the time. */
function taken(pair: VaultPair): { parent: number; name: string } {
  const parent = pick(pair, (node) => isLiveDirectory(node) && (node.names?.count ?? 0) > 0)
  if (parent === undefined || pair.random.chance(0.05)) return place(pair)
  const listed: string[] = []
  parent.names?.list(0, ({ name }) => listed.push(name) > 0)
  return { parent: parent.ino, name: pair.random.pick(listed) }
}

/** Most are small; some are larger than what the main thread seals, few larger than a chunk. */
function length(pair: VaultPair): number {
  const { random } = pair
  const draw = random.next()
  if (draw < 0.5) return 1 + random.below(3000)
  if (draw < 0.85) return 1 + random.below(60 * KiB * pair.scale)
  if (draw < 0.97) return 1 + random.below(400 * KiB * pair.scale)
  return 1 + random.below(3 * MiB * pair.scale)
}

/** Bytes of which parts repeat, so that chunks and pages are met again. */
function bytes(pair: VaultPair, count: number): Uint8Array {
  const { random } = pair
  if (count <= 4096) return random.bytes(count)
  const out = new Uint8Array(count)
  const block = random.bytes(4096)
  for (let at = 0; at < count; at += 4096) out.set(random.chance(0.2) ? block.subarray(0, Math.min(4096, count - at)) : random.bytes(Math.min(4096, count - at)), at)
  return out
}

function offset(pair: VaultPair, node: MemoryNode): number {
  const { random } = pair
  const draw = random.next()
  if (draw < 0.35) return node.size
  if (draw < 0.85) return random.below(node.size + 1)
  if (draw < 0.95) return Math.floor(random.below(node.size + 1) / 4096) * 4096
  return Math.min(node.size + random.below(2 * MiB), sizeMax)
}

async function create(pair: VaultPair): Promise<void> {
  const { parent, name } = place(pair)
  const mode = pair.random.pick([0o644, 0o755, 0o600, 0o4755, 0o2755])
  await pair.both(`create ${String(parent)}/${name}`, (tree) => tree.create(parent, name, mode, 0, 0o022, request))
  const ino = pair.model.state.node(parent)?.names?.get(name)
  if (ino !== undefined && pair.random.chance(0.2)) pair.held.add(ino)
  const node = pair.model.state.node(ino ?? 0)
  if (node !== undefined && isFile(node) && pair.random.chance(0.7)) await writeTo(pair, node)
}

async function writeTo(pair: VaultPair, node: MemoryNode): Promise<void> {
  const at = offset(pair, node)
  const data = bytes(pair, Math.min(length(pair), sizeMax - at))
  if (data.byteLength === 0) return
  await pair.write(node.ino, at, data, { fromCache: false, killSuidGid: pair.random.chance(0.2), append: pair.random.chance(0.1) })
}

async function write(pair: VaultPair): Promise<void> {
  const node = pick(pair, isFile)
  if (node === undefined) return
  for (let times = pair.random.chance(0.3) ? 1 + pair.random.below(12) : 1; times > 0; times--) await writeTo(pair, node)
}

/** Large enough that chunks are cut while it goes on. */
async function stream(pair: VaultPair): Promise<void> {
  const node = pick(pair, isFile)
  if (node === undefined || node.size > 4 * MiB || (pair.scale < 1 && !pair.random.chance(pair.scale))) return
  const block = bytes(pair, 512 * KiB)
  for (let left = 34 + pair.random.below(6); left > 0; left--) {
    block.set(pair.random.bytes(64), pair.random.below(block.byteLength - 64))
    await pair.write(node.ino, node.size, block.slice())
    if (pair.random.chance(0.05)) await writeTo(pair, node)
  }
}

async function resize(pair: VaultPair): Promise<void> {
  const node = pick(pair, isFile)
  if (node === undefined) return
  const size = pair.random.chance(0.25) ? 0 : pair.random.below(Math.min(node.size * 1.3 + 5000, sizeMax))
  if (size === 0 && pair.random.chance(0.5)) await pair.both(`open ${String(node.ino)} truncating`, (tree) => tree.open(node.ino, 0o1000, true, request))
  else await pair.both(`truncate ${String(node.ino)} to ${String(size)}`, (tree) => tree.setattr(node.ino, { size, killSuidGid: size % 2 === 0 }, request))
  pair.promised(node.ino)
}

async function allocate(pair: VaultPair): Promise<void> {
  const node = pick(pair, isFile)
  if (node === undefined) return
  const at = offset(pair, node)
  const count = Math.min(length(pair), sizeMax - at)
  const { keepSize, punchHole, zeroRange } = fallocateModes
  const mode = pair.random.pick([punchHole | keepSize, zeroRange, zeroRange | keepSize, 0])
  if (count <= 0 || (mode === 0 && at + count <= node.size)) return
  await pair.both<number>(`fallocate ${String(node.ino)} mode ${String(mode)} ${String(at)}+${String(count)}`, (tree) => tree.fallocate(node.ino, 0, mode, at, count, request))
  pair.promised(node.ino)
}

async function copy(pair: VaultPair): Promise<void> {
  const [from, to] = [pick(pair, isFile), pick(pair, isFile)]
  if (from === undefined || to === undefined) return
  const fromOffset = pair.random.chance(0.5) ? 0 : pair.random.below(from.size + 1)
  const toOffset = pair.random.chance(0.5) ? 0 : pair.random.below(Math.min(to.size + 1, sizeMax - from.size))
  const wanted = pair.random.chance(0.5) ? from.size - fromOffset : length(pair)
  const count = from === to ? Math.min(wanted, Math.abs(toOffset - fromOffset)) : wanted
  for (let done = 0; done < count; ) {
    const [source, goal] = [{ ino: from.ino, handle: 0, offset: fromOffset + done }, { ino: to.ino, handle: 0, offset: toOffset + done }]
    pair.clock.advance(1)
    const copied = await pair.vault.operations.copyFileRange(source, goal, count - done)
    pair.batch()
    const left = Math.min(count - done, Math.max(0, from.size - source.offset))
    if (copied < 0 || copied > left || (copied === 0 && left > 0)) throw new Error(`copy of ${String(left)} answers ${String(copied)}`)
    pair.trace.push(`copy ${String(from.ino)} ${String(source.offset)} to ${String(to.ino)} ${String(goal.offset)}+${String(copied)}`)
    // The vault may copy less than was asked for; the model does the same. What was moved as bytes is promised by a flush only.
    await pair.model.copyFileRange(source, goal, copied)
    if (copied === 0) break
    done += copied
  }
  await pair.flush(to.ino, 'flush')
}

async function rename(pair: VaultPair): Promise<void> {
  const [from, to] = [taken(pair), pair.random.chance(0.5) ? taken(pair) : place(pair)]
  const flags = pair.random.pick([0, 0, 0, 1, 2, 2, 4, 3])
  await pair.both<number>(`rename ${String(from.parent)}/${from.name} to ${String(to.parent)}/${to.name} flags ${String(flags)}`,
    (tree) => tree.rename(from.parent, from.name, to.parent, to.name, flags, request))
}

/** As editors save: a new file, its content, a rename over the old one. */
async function save(pair: VaultPair): Promise<void> {
  const { parent, name } = taken(pair)
  const temporary = `.${name.slice(0, 200)}.tmp`
  await pair.both(`create ${String(parent)}/${temporary}`, (tree) => tree.create(parent, temporary, 0o644, 0, 0o022, request))
  const node = pair.model.state.node(pair.model.state.node(parent)?.names?.get(temporary) ?? 0)
  if (node !== undefined && isFile(node)) await writeTo(pair, node)
  await pair.both<number>(`rename ${String(parent)}/${temporary} over ${name}`, (tree) => tree.rename(parent, temporary, parent, name, 0, request))
  // Rename over a file logs its content first, where there was one.
  if (node !== undefined && pair.model.state.node(parent)?.names?.get(name) === node.ino) await pair.flush(node.ino, 'flush')
}

async function unlink(pair: VaultPair): Promise<void> {
  const { parent, name } = taken(pair)
  if (pair.random.chance(0.7)) await pair.both<number>(`unlink ${String(parent)}/${name}`, (tree) => tree.unlink(parent, name, request))
  else await pair.both<number>(`rmdir ${String(parent)}/${name}`, (tree) => tree.rmdir(parent, name, request))
}

async function forget(pair: VaultPair): Promise<void> {
  const inos = [...pair.held].filter(() => pair.random.chance(0.5))
  for (const ino of inos) pair.held.delete(ino)
  pair.trace.push(`forget ${inos.join()}`)
  pair.vault.operations.forgotten(inos)
  pair.model.forgotten(inos)
  pair.batch()
  await Promise.resolve()
}

async function makeOther(pair: VaultPair): Promise<void> {
  const { parent, name } = place(pair)
  const { random } = pair
  const where = `${String(parent)}/${name}`
  const kind = random.below(10)
  const mode = random.pick([0o755, 0o2775, 0o700])
  if (kind < 5) await pair.both(`mkdir ${where}`, (tree) => tree.mkdir(parent, name, mode, 0o022, request))
  else if (kind < 7) await pair.both(`symlink ${where}`, (tree) => tree.symlink(parent, name, new Uint8Array(Buffer.from(`../${name}/${String(kind)}`)), request))
  else if (kind < 8) await pair.both(`mknod ${where}`, (tree) => tree.mknod(parent, name, 0o010644, 0, 0o022, request))
  else if (kind < 9) await pair.both(`mknod ${where} device`, (tree) => tree.mknod(parent, name, 0o020600, 0x103, 0, request))
  else await tmpfile(pair, parent)
}

async function tmpfile(pair: VaultPair, parent: number): Promise<void> {
  const made = await pair.both(`tmpfile in ${String(parent)}`, (tree) => tree.tmpfile(parent, 0o600, 0, 0, request))
  if (typeof made === 'number') return
  const { ino } = made.attributes
  pair.held.add(ino)
  const node = pair.model.state.node(ino)
  if (node !== undefined) await writeTo(pair, node)
  if (pair.random.chance(0.6)) await link(pair, ino)
}

async function link(pair: VaultPair, ino?: number): Promise<void> {
  const { parent, name } = place(pair)
  // The kernel links what it can see: entries with a name, and unnamed files that it holds.
  const node = ino ?? pick(pair, ({ nlink, isDirectory }) => nlink > 0 && !isDirectory)?.ino
  if (node === undefined) return
  await pair.both(`link ${String(node)} as ${String(parent)}/${name}`, (tree) => tree.link(node, parent, name, request))
}

async function attributes(pair: VaultPair): Promise<void> {
  const { random } = pair
  const node = pick(pair, () => true)
  if (node === undefined) return
  const moment = { sec: random.below(2 ** 31) - 1000, nsec: random.below(1e9) }
  // Of two change times the later one stands: one that is set (by a kernel that writes back) is never of the future.
  const past = { sec: random.below(1_600_000_000), nsec: 5 }
  const changes = random.pick([
    { mode: random.below(0o7777) }, { uid: random.below(70000) }, { gid: random.below(70000), killSuidGid: true }, { atime: moment, mtime: moment },
    { atime: 'now', mtime: 'now' }, { mtime: moment }, { ctime: past },
  ] as const)
  await pair.both(`setattr ${String(node.ino)} ${JSON.stringify(changes)}`, (tree) => tree.setattr(node.ino, changes, request))
}

async function xattr(pair: VaultPair): Promise<void> {
  const { random } = pair
  const node = pick(pair, ({ mode }) => (mode & typeMask) !== types.symlink)
  if (node === undefined) return
  const name = random.pick(['user.a', 'user.b', 'trusted.c', 'security.capability', 'user.', 'wrong.d'])
  const value = random.bytes(random.below(random.chance(0.1) ? 5000 : 40))
  const flags = random.pick([0, 0, 0, 1, 2])
  if (random.chance(0.7)) await pair.both<number>(`setxattr ${String(node.ino)} ${name} ${String(flags)}`, (tree) => tree.setxattr(node.ino, name, value, flags, false, request))
  else await pair.both<number>(`removexattr ${String(node.ino)} ${name}`, (tree) => tree.removexattr(node.ino, name, request))
}

async function flush(pair: VaultPair): Promise<void> {
  const node = pick(pair, isFile)
  if (node !== undefined) await pair.flush(node.ino, pair.random.chance(0.5) ? 'flush' : 'fsync')
}

async function publish(pair: VaultPair): Promise<void> {
  const which = pair.random.pick(['due', 'all'] as const)
  if (pair.random.chance(0.5)) pair.clock.advance(6000)
  if (which === 'all') await pair.spillAll()
  const round = pair.vault.vault.parts.publisher.round(which)
  if (pair.random.chance(0.7)) pair.beside(`publish ${which} beside`, round)
  else await round
}

/** Trims the log: nothing else may be looked at meanwhile but the operations. */
async function upkeep(pair: VaultPair): Promise<void> {
  const { random } = pair
  const draw = random.below(4)
  if (draw === 0) await pair.spillAll()
  else if (draw === 1) pair.beside('spillAll beside', pair.vault.spill())
  else if (draw === 2) pair.beside('apply beside', pair.vault.apply())
  else {
    pair.trace.push('shrinkLog')
    await pair.vault.shrinkLog()
  }
}

const steps: readonly (readonly [number, Step])[] = [
  [14, create], [22, write], [0.5, stream], [6, resize], [6, allocate], [5, copy], [10, rename], [4, save], [8, unlink], [2, forget],
  [9, makeOther], [4, (pair) => link(pair)], [5, attributes], [4, xattr], [6, flush], [3, publish], [3, upkeep],
]
const total = steps.reduce((sum, [weight]) => sum + weight, 0)

export async function randomStep(pair: VaultPair): Promise<void> {
  let draw = pair.random.next() * total
  for (const [weight, step] of steps) {
    draw -= weight
    if (draw < 0) return step(pair)
  }
}
