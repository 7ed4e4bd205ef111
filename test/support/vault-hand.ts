// A test's hand in a vault without a kernel: paths instead of numbers, over the handler that the kernel would ask.

import { createHash } from 'node:crypto'
import { modeType, type Entry } from '../../lib/tree/entry.js'
import { takeSnapshot } from '../../lib/vault-history.js'
import { entryNow, namesOf } from '../../lib/vault-past.js'
import { restore } from '../../lib/vault-restore.js'
import type { RestoreOrder, RestoreStep } from '../../lib/vault-restore-order.js'
import type { RestoreHooks } from '../../lib/vault-restore-changes.js'
import { orphan, type Volume } from '../../mount/ops/volume.js'
import type { Handler } from '../../native-deps/fuse/handler.js'
import { request, TestVault } from './open-vault.js'

const MiB = 1024 * 1024
const plain = { fromCache: false, killSuidGid: false, append: false }

export class Hand {
  readonly test: TestVault
  readonly operations: Handler

  constructor(test: TestVault) {
    this.test = test
    this.operations = test.operations
  }

  static async open(): Promise<Hand> {
    return new Hand(await TestVault.open())
  }

  at(path: string): Entry | undefined {
    return entryNow(this.test.vault.tree, namesOf(path))
  }

  ino(path: string): number {
    const entry = this.at(path)
    if (entry === undefined) throw new Error(`${path} is not there`)
    return entry.ino
  }

  async mkdir(path: string, mode = 0o755): Promise<void> {
    done(await this.operations.mkdir(this.ino(folderOf(path)), nameOf(path), mode, 0, request))
  }

  async write(path: string, bytes: Uint8Array | string, mode = 0o644): Promise<void> {
    const { operations } = this
    if (this.at(path) === undefined) done(await operations.create(this.ino(folderOf(path)), nameOf(path), mode, 0, 0, request))
    else done(await operations.setattr(this.ino(path), { size: 0 }, request))
    const data = typeof bytes === 'string' ? Buffer.from(bytes) : bytes
    for (let at = 0; at < data.byteLength; at += MiB) done(await operations.write(this.ino(path), 0, at, data.subarray(at, at + MiB), plain, request))
  }

  async rename(from: string, to: string): Promise<void> {
    done(await this.operations.rename(this.ino(folderOf(from)), nameOf(from), this.ino(folderOf(to)), nameOf(to), 0, request))
  }

  async link(path: string, to: string): Promise<void> {
    done(await this.operations.link(this.ino(path), this.ino(folderOf(to)), nameOf(to), request))
  }

  async remove(path: string): Promise<void> {
    const { operations } = this
    const entry = this.at(path)
    const isFolder = entry !== undefined && (entry.mode & modeType.mask) === modeType.directory
    if (isFolder) for (const name of this.names(path)) await this.remove(`${path}/${name}`)
    done(await (isFolder ? operations.rmdir(this.ino(folderOf(path)), nameOf(path), request) : operations.unlink(this.ino(folderOf(path)), nameOf(path), request)))
  }

  names(path: string): string[] {
    const names: string[] = []
    this.test.vault.tree.list(this.ino(path), 0, ({ name }) => names.push(name) > 0)
    return names.sort()
  }

  async hash(path: string): Promise<string> {
    const hash = createHash('sha256')
    const size = await this.size(path)
    for (let at = 0; at < size; at += MiB) {
      const bytes = await this.operations.read(this.ino(path), 0, at, MiB, request)
      if (typeof bytes === 'number') throw new Error(`reading ${path}: ${bytes}`)
      hash.update(bytes)
    }
    return `${size} ${hash.digest('hex')}`
  }

  async size(path: string): Promise<number> {
    return done(await this.operations.getattr(this.ino(path), undefined, request)).size
  }

  async text(path: string): Promise<string> {
    const bytes = await this.operations.read(this.ino(path), 0, 0, MiB, request)
    return typeof bytes === 'number' ? `error ${bytes}` : Buffer.from(bytes).toString('utf8')
  }

  /** Everything below a path: names, kinds, properties, links and bytes; without the times of folders. */
  async picture(path: string): Promise<Record<string, string>> {
    const picture: Record<string, string> = {}
    const first = new Map<number, string>()
    const look = async (at: string): Promise<void> => {
      const entry = this.at(at)
      if (entry === undefined) return
      const { mode, uid, gid, rdev, mtimeSec, mtimeNsec, target, xattrs, ino } = entry
      const isFolder = (mode & modeType.mask) === modeType.directory
      const known = first.get(ino)
      first.set(ino, known ?? at)
      const properties = [mode.toString(8), uid, gid, rdev, isFolder ? '' : `${mtimeSec}.${mtimeNsec}`, Buffer.from(target ?? []).toString(), [...xattrs ?? []].map(([name, value]) => `${name}=${Buffer.from(value).toString('hex')}`).join()]
      picture[at.slice(path.length)] = known === undefined ? [...properties, (mode & modeType.mask) === modeType.file ? await this.hash(at) : ''].join(' ') : `is ${known.slice(path.length)}`
      if (isFolder) for (const name of this.names(at)) await look(at === '' ? name : `${at}/${name}`)
    }
    await look(path)
    return picture
  }

  async snapshot(name: string): Promise<void> {
    this.test.clock.advance(2000)
    await takeSnapshot(this.test.vault, name)
    this.test.clock.advance(2000)
  }

  async restore(path: string, name: string, changes: Partial<RestoreOrder> & { readonly hooks?: Partial<RestoreHooks> } = {}): Promise<readonly RestoreStep[]> {
    const { hooks, ...order } = changes
    const { vault } = this.test
    const volume: Volume = { vault, orphans: new Set<number>(), watchForget: () => false, changedBeside: () => undefined }
    const quiet = (): undefined => undefined
    const steps: RestoreStep[] = []
    await restore(vault, vault.parts.history, { path, when: { kind: 'snapshot', name }, to: null, exact: false, preview: false, ...order }, {
      admit: quiet, renamed: quiet, changed: quiet, orphaned: (ino) => { orphan(volume, ino) },
      steps: (some) => { steps.push(...some) }, ...hooks,
    })
    return steps
  }

  async kinds(path: string, name: string, changes: Partial<RestoreOrder> = {}): Promise<string[]> {
    return (await this.restore(path, name, changes)).map(({ kind, path: each }) => `${kind} ${each}`).sort()
  }
}

export function done<Value>(answer: Value | number): Value {
  if (typeof answer === 'number' && answer < 0) throw new Error(`errno ${-answer}`)
  return answer as Value
}

const folderOf = (path: string): string => path.split('/').slice(0, -1).join('/')
const nameOf = (path: string): string => path.split('/').at(-1) ?? ''
