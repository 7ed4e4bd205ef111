// Compares the whole tree that a handler shows with the model: names in their order, attributes but for allocation,
// extended attributes, link targets, bytes. Answers the differences in words; none: [].
import type { Attributes, Handler } from '../../native-deps/fuse/handler.js'
import { request } from '../support/open-vault.js'
import type { MemoryNode, MemoryState } from './memory-state.js'
import type { Random } from './random.js'

/** A write that may not be in the log yet. */
export interface LooseWrite {
  readonly offset: number
  readonly before: Uint8Array
  readonly data: Uint8Array
}

export interface Comparison {
  readonly handler: Handler
  readonly model: MemoryState
  readonly random: Random
  /** Of a crash image: writes that nobody was promised yet, by number. Whatever of them is there may be. */
  readonly loose?: ReadonlyMap<number, readonly LooseWrite[]>
}

const readBytes = 1024 * 1024

export async function differences(comparison: Comparison): Promise<string[]> {
  const found: string[] = []
  const seen = new Set<number>()
  const root = comparison.model.node(1)
  if (root !== undefined) await compareDirectory(comparison, root, '', found, seen)
  return found
}

async function compareDirectory(comparison: Comparison, node: MemoryNode, path: string, found: string[], seen: Set<number>): Promise<void> {
  const { handler, model, random } = comparison
  await compareEntry(comparison, node, path === '' ? '/' : path, found, seen)
  const wanted: string[] = []
  node.names?.list(0, ({ name, ino }) => {
    wanted.push(`${name} ${String(ino)}`)
    return true
  })
  const listed = await namesOf(handler, node.ino, 1 + random.below(8))
  // Where in a listing a name stands is nobody's promise; that it stands there once is.
  if (listed.sort().join('/') !== [...wanted].sort().join('/')) found.push(`${path}/ lists [${listed.join(', ')}], wanted [${wanted.join(', ')}]`)
  for (const each of wanted) {
    const name = each.slice(0, each.lastIndexOf(' '))
    const child = model.node(node.names?.get(name) ?? 0)
    const looked = await handler.lookup(node.ino, name, request)
    if (child === undefined || typeof looked === 'number' || looked.ino !== child.ino) {
      found.push(`${path}/${name} is ${typeof looked === 'number' ? `error ${looked}` : String(looked.ino)}, wanted ${String(child?.ino)}`)
      continue
    }
    if (child.isDirectory) await compareDirectory(comparison, child, `${path}/${name}`, found, seen)
    else await compareEntry(comparison, child, `${path}/${name}`, found, seen)
  }
}

/** All names with their numbers, listed in steps that take `step` each. */
async function namesOf(handler: Handler, ino: number, step: number): Promise<string[]> {
  const names: string[] = []
  for (let cookie = 0; ; ) {
    let taken = 0
    let last = cookie
    await handler.readdir(ino, cookie, true, (name, number, _mode, next) => {
      if (taken === step) return false
      taken++
      last = next
      if (name !== '.' && name !== '..') names.push(`${name} ${String(number)}`)
      return true
    }, request)
    if (taken === 0) return names
    cookie = last
  }
}

const attributeNames = [
  'mode', 'nlink', 'uid', 'gid', 'rdev', 'size', 'atimeSec', 'atimeNsec', 'mtimeSec', 'mtimeNsec', 'ctimeSec', 'ctimeNsec', 'btimeSec', 'btimeNsec',
] as const satisfies readonly (keyof Attributes)[]
/** What a write that is not logged yet changes. */
const ofWrites: ReadonlySet<string> = new Set(['size', 'mtimeSec', 'mtimeNsec', 'ctimeSec', 'ctimeNsec'])

export function attributeDifferences(found: Attributes, wanted: Attributes, loose = false): string[] {
  return attributeNames.filter((name) => found[name] !== wanted[name] && !(loose && ofWrites.has(name))).map((name) => `${name} ${String(found[name])}, wanted ${String(wanted[name])}`)
}

async function compareEntry(comparison: Comparison, node: MemoryNode, path: string, found: string[], seen: Set<number>): Promise<void> {
  if (seen.has(node.ino)) return
  seen.add(node.ino)
  const { handler, loose } = comparison
  const attributes = await handler.getattr(node.ino, undefined, request)
  if (typeof attributes === 'number') {
    found.push(`${path} answers ${String(attributes)}`)
    return
  }
  const writes = loose?.get(node.ino) ?? []
  for (const difference of attributeDifferences(attributes, node, writes.length > 0)) found.push(`${path} (${String(node.ino)}): ${difference}`)
  await compareXattrs(handler, node, path, found)
  if (node.target !== undefined) {
    const target = await handler.readlink(node.ino, request)
    if (typeof target === 'number' || Buffer.compare(target, node.target) !== 0) found.push(`${path} points elsewhere`)
  }
  if (node.content !== undefined) await compareContent(comparison, node, { path, size: attributes.size, writes }, found)
}

async function compareXattrs(handler: Handler, node: MemoryNode, path: string, found: string[]): Promise<void> {
  const list = await handler.listxattr(node.ino, request)
  const names = typeof list === 'number' ? [`error ${String(list)}`] : Buffer.from(list).toString('latin1').split('\0').slice(0, -1)
  if (names.sort().join() !== [...node.xattrs.keys()].sort().join()) found.push(`${path} has xattrs [${names.join()}], wanted [${[...node.xattrs.keys()].join()}]`)
  for (const [name, wanted] of node.xattrs) {
    const value = await handler.getxattr(node.ino, name, request)
    if (typeof value === 'number' || Buffer.compare(value, wanted) !== 0) found.push(`${path}: xattr ${name} differs`)
  }
}

interface FileAt {
  readonly path: string
  readonly size: number
  readonly writes: readonly LooseWrite[]
}

async function compareContent({ handler }: Comparison, node: MemoryNode, { path, size, writes }: FileAt, found: string[]): Promise<void> {
  const wanted = new Uint8Array(readBytes)
  const end = writes.length === 0 ? node.size : size
  if (writes.length > 0 && size > node.size) found.push(`${path} has ${String(size)} bytes, more than the ${String(node.size)} ever written`)
  for (let offset = 0; offset < end; offset += readBytes) {
    const length = Math.min(readBytes, end - offset)
    const answer = await handler.read(node.ino, 0, offset, length, request)
    if (typeof answer === 'number' || answer.byteLength !== length) {
      found.push(`${path} at ${String(offset)}: read answers ${typeof answer === 'number' ? String(answer) : `${String(answer.byteLength)} bytes of ${String(length)}`}`)
      return
    }
    wanted.fill(0)
    node.content?.read(offset, wanted.subarray(0, length))
    if (Buffer.compare(answer, wanted.subarray(0, length)) === 0) continue
    const at = answer.findIndex((byte, index) => byte !== wanted[index] && !isLoose(writes, offset + index, byte))
    if (at < 0) continue
    found.push(`${path} (${String(node.ino)}, ${String(end)} bytes) differs from byte ${String(offset + at)} on`)
    return
  }
}

/** Whether a write that may or may not be there explains the byte. */
function isLoose(writes: readonly LooseWrite[], position: number, byte: number): boolean {
  return writes.some(({ offset, before, data }) => {
    const at = position - offset
    return at >= 0 && at < data.byteLength && (data[at] === byte || (before[at] ?? 0) === byte)
  })
}
