// A vault that is opened as its daemon opens it, in this process and without a kernel before it: the same keys, the same
// replay of the log, the same operations that the kernel would ask for.
import { HeadMark } from '../../../lib/vault-head-mark.js'
import { memoryLimits, memoryMib } from '../../../lib/terms/memory.js'
import type { KeyPage } from '../../../lib/crypto/key-page.js'
import { retentionDefault } from '../../../lib/terms/retention.js'
import type { Logger } from '../../../lib/terms/log.js'
import { openStore, type OpenedStore } from '../../../lib/vault-open.js'
import { Answering } from '../../../mount/answer.js'
import { Operations } from '../../../mount/operations.js'
import type { Answer, Handler, Request } from '../../../native-deps/fuse/handler.js'
import { openKeys } from '../../../bin/open-keys.js'
import { headsFolder } from '../../../bin/registry.js'
import type { DaemonUnlock } from '../../../bin/secrets.js'
import { systemClock, systemEntropy } from '../../../bin/system-sources.js'
import { foundOf, type Found, type SeenEntry } from '../torture/found.js'
import { passphrase } from '../torture/vault-rig.js'

const rootIno = 1
const request: Request = { uid: 0, gid: 0, pid: 1, onAbort: () => undefined }
const pieceBytes = 1024 * 1024
const kinds = { mask: 0o170000, directory: 0o040000, symlink: 0o120000, file: 0o100000 }

/** Opens the stores of one vault: the first by its passphrase, the others by the key that it led to, as an heir of a daemon does. */
export class VaultOpener {
  #master: Uint8Array | undefined

  async open(store: string, stateHome: string, logger: Logger): Promise<OpenedVault> {
    const unlock: DaemonUnlock = this.#master === undefined ? { kind: 'passphrase', passphrase: Uint8Array.from(Buffer.from(passphrase.trimEnd())) } : { kind: 'master', master: this.#master }
    const { opened: { page, header }, identity } = await openKeys({ store, unlock, logger, readOnly: false })
    this.#master = page.key('master').slice()
    try {
      const headMark = new HeadMark({ folder: headsFolder({ stateHome }), vaultId: header.vaultId, deviceId: identity.member.deviceId, logger })
      return new OpenedVault(await openStore({
        store, page, header, identity, headMark, logger, readOnly: false, retention: { ...retentionDefault, offsetMin: 0 }, bulkThreads: 1,
        memory: memoryLimits(memoryMib.min), owner: { uid: 0, gid: 0 }, clock: systemClock, entropy: systemEntropy,
      }), page)
    } catch (error) {
      page.wipe()
      throw error
    }
  }
}

export class OpenedVault {
  readonly #opened: OpenedStore
  readonly #operations: Handler
  readonly #page: KeyPage

  constructor(opened: OpenedStore, page: KeyPage) {
    const { vault, upkeep } = opened
    this.#opened = opened
    this.#page = page
    this.#operations = new Operations({ vault, orphans: new Set<number>(), watchForget: () => false, changedBeside: () => undefined }, new Answering(vault, upkeep))
  }

  /** Why it would be mounted for reading only; undefined: it would not. */
  get lack(): string | undefined {
    return this.#opened.lack
  }

  /** Everything below a folder, whose path is relative to the vault's. */
  readonly look = async (folder: string): Promise<Found> => {
    const entries: SeenEntry[] = []
    await this.#visit(await this.#inoOf(folder), '', entries)
    return foundOf(entries)
  }

  async read(path: string): Promise<Uint8Array> {
    const ino = await this.#inoOf(path)
    const { size } = done(path, await this.#operations.getattr(ino, undefined, request))
    return await this.#content(path, ino, size)
  }

  /** That all is well is said by an empty list. */
  async verify(): Promise<readonly string[]> {
    const findings: string[] = []
    await this.#opened.verifier.verify({ onProgress: () => undefined, onFinding: (finding) => { findings.push(JSON.stringify(finding)) } })
    return findings
  }

  /** A file can be made, written, synced, published too where it is asked for, and removed. */
  async write(name: string, published: boolean): Promise<void> {
    const { ino } = done(name, await this.#operations.mknod(rootIno, name, kinds.file | 0o600, 0, 0, request))
    done(name, await this.#operations.write(ino, 0, 0, Buffer.from(name), { fromCache: false, killSuidGid: false, append: false }, request))
    done(name, await this.#operations.fsync(ino, 0, false, request))
    if (published) await this.#opened.vault.publishAll()
    done(name, await this.#operations.unlink(rootIno, name, request))
  }

  async close(): Promise<void> {
    await this.#opened.close()
    this.#page.wipe()
  }

  async #inoOf(path: string): Promise<number> {
    let ino = rootIno
    for (const name of path.split('/')) {
      ino = done(path, await this.#operations.lookup(ino, name, request)).ino
      if (ino === 0) throw new Error(`${path} is not there`)
    }
    return ino
  }

  async #visit(folder: number, path: string, entries: SeenEntry[]): Promise<void> {
    const names: string[] = []
    const fill = (name: string): boolean => name === '.' || name === '..' || names.push(name) > 0
    done(path, await this.#operations.readdir(folder, 0, false, fill, request))
    for (const name of names) {
      const below = path === '' ? name : `${path}/${name}`
      const { ino, mode, size } = done(below, await this.#operations.lookup(folder, name, request))
      const seen = { path: below, mode: mode & 0o7777 }
      switch (mode & kinds.mask) {
        case kinds.symlink:
          entries.push({ ...seen, kind: 'symlink', target: Buffer.from(done(below, await this.#operations.readlink(ino, request))).toString('latin1') })
          break
        case kinds.directory:
          entries.push({ ...seen, kind: 'directory' })
          await this.#visit(ino, below, entries)
          break
        default: entries.push({ ...seen, kind: 'file', ino, sizeBytes: size, bytes: await this.#content(below, ino, size) })
      }
    }
  }

  async #content(path: string, ino: number, size: number): Promise<Uint8Array> {
    const out = Buffer.alloc(size)
    for (let at = 0; at < size;) {
      const piece = done(path, await this.#operations.read(ino, 0, at, Math.min(pieceBytes, size - at), request))
      if (piece.byteLength === 0) return out.subarray(0, at)
      out.set(piece, at)
      at += piece.byteLength
    }
    return out
  }
}

function done<Value>(path: string, answer: Awaited<Answer<Value>>): Value {
  if (typeof answer === 'number' && answer < 0) throw new Error(`${path}: errno ${String(-answer)}`)
  return answer as Value
}
