// Writes what is salvaged into an ordinary folder: names as they are, byte for byte; content with zeros (a hole) where it
// can't be read; owner, mode, times and extended attributes as far as the target and whoever runs it allow, and what they do
// not is counted. On the disk after `sync`.
import { Buffer } from 'node:buffer'
import { closeSync, openSync } from 'node:fs'
import { chmod, chown, lchown, link, lutimes, mkdir, open, symlink, type FileHandle } from 'node:fs/promises'
import type { SavedContent, ContentSaver, LostRange } from './vault-salvage-content.js'
import { fromErrno, VaultError } from './terms/errors.js'
import { setXattr, syncDisk } from '../native-deps/system.js'
import { isSymlink, type Entry } from './tree/entry.js'

/** Bytes of a path of the target. */
export type TargetPath = Buffer

export function below(folder: TargetPath, name: string): TargetPath {
  return Buffer.concat([folder, Buffer.from('/'), Buffer.from(name, 'latin1')])
}

export class SalvageOutput {
  readonly #saver: ContentSaver
  readonly #unkept = new Map<string, { readonly count: number; readonly path: string; readonly reason: string }>()
  /** Ownership is root's to give. */
  readonly #isRoot = process.getuid?.() === 0

  constructor(saver: ContentSaver) {
    this.#saver = saver
  }

  async folder(path: TargetPath): Promise<void> {
    await took(path, mkdir(path, { mode: 0o700 }))
  }

  /** After everything in it: its times would change. */
  async finishFolder(path: TargetPath, entry: Entry): Promise<void> {
    await this.#attributes(path, entry)
  }

  /** Answers what could not be read. `onBytes`: told bytes written. */
  async file(path: TargetPath, entry: Entry, content: SavedContent, onBytes: (bytes: number) => void): Promise<readonly LostRange[]> {
    const file = await took(path, open(path, 'wx', 0o600))
    try {
      const lost = await this.#saver.save(content, async (offset, bytes) => {
        await took(path, writeAll(file, bytes, offset))
        onBytes(bytes.byteLength)
      })
      await took(path, file.truncate(content.size))
      return lost
    } finally {
      await file.close()
      await this.#attributes(path, entry)
    }
  }

  async symlink(path: TargetPath, entry: Entry): Promise<void> {
    await took(path, symlink(Buffer.from(entry.target ?? []), path))
    await this.#attributes(path, entry)
  }

  async link(first: TargetPath, path: TargetPath): Promise<void> {
    await took(path, link(first, path))
  }

  /** Throws what the disk says: then nothing that was written is certain to be there. */
  sync(top: string): void {
    const fd = openSync(top, 'r')
    try {
      syncDisk(fd)
    } catch (error) {
      const { code, message } = fromErrno(error, top)
      throw new OutputError(code, message)
    } finally {
      closeSync(fd)
    }
  }

  /** A sentence for each kind of thing that the target did not take. */
  get unkept(): readonly string[] {
    return [...this.#unkept].map(([what, { count, path, reason }]) => `${what} of ${count === 1 ? path : `${count} entries, ${path} the first of them,`} could not be kept: ${reason}`)
  }

  /** What the target does not keep is no reason to stop. The order: a new owner takes capabilities and set-uid away. */
  async #attributes(path: TargetPath, entry: Entry): Promise<void> {
    const { uid, gid, mode, atimeSec, atimeNsec, mtimeSec, mtimeNsec } = entry
    const isLink = isSymlink(entry)
    if (this.#isRoot) await this.#try('the owner', path, () => (isLink ? lchown : chown)(path, uid, gid))
    else if (uid !== process.getuid?.() || gid !== process.getgid?.()) this.#missed('the owner', path, 'only root can give files to others')
    if (!isLink) await this.#try('the mode', path, () => chmod(path, mode & 0o7777))
    for (const [name, value] of entry.xattrs ?? []) {
      if (name.includes('.')) await this.#try('extended attributes', path, () => { setXattr(path, name, value) })
      else this.#missed('what chattr(1) says', path, 'that is not written')
    }
    await this.#try('times', path, () => lutimes(path, atimeSec + atimeNsec / 1e9, mtimeSec + mtimeNsec / 1e9))
  }

  async #try(what: string, path: TargetPath, work: () => Promise<void> | void): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.#missed(what, path, fromErrno(error, what).message)
    }
  }

  #missed(what: string, path: TargetPath, reason: string): void {
    const before = this.#unkept.get(what)
    this.#unkept.set(what, before === undefined ? { count: 1, path: path.toString(), reason } : { ...before, count: before.count + 1 })
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array, offset: number): Promise<void> {
  for (let done = 0; done < bytes.byteLength;) done += (await file.write(bytes, done, bytes.byteLength - done, offset + done)).bytesWritten
}

/** An error of the target, told apart from one of the store by its subject. */
async function took<Value>(path: TargetPath, work: Promise<Value>): Promise<Value> {
  try {
    return await work
  } catch (error) {
    const { code, message } = fromErrno(error, path.toString())
    throw new OutputError(code, message)
  }
}

/** What the target did not take. */
export class OutputError extends VaultError {
  constructor(code: VaultError['code'], message: string) {
    super(code, message, { next: 'Give another folder, or make room.' })
  }
}
