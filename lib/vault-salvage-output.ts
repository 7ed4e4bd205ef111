// Writes what is salvaged into an ordinary folder: names as they are, byte for byte; content with zeros (a hole) where it
// can't be read; owner, mode and times as far as the target and whoever runs it allow. Not synced.
import { Buffer } from 'node:buffer'
import { chmod, chown, lchown, link, lutimes, mkdir, open, symlink, type FileHandle } from 'node:fs/promises'
import type { SavedContent, ContentSaver, LostRange } from './vault-salvage-content.js'
import { fromErrno, VaultError } from './terms/errors.js'
import { isSymlink, type Entry } from './tree/entry.js'

/** Bytes of a path of the target. */
export type TargetPath = Buffer

export function below(folder: TargetPath, name: string): TargetPath {
  return Buffer.concat([folder, Buffer.from('/'), Buffer.from(name, 'latin1')])
}

export class SalvageOutput {
  readonly #saver: ContentSaver
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

  /** What the target does not keep is no reason to stop. */
  async #attributes(path: TargetPath, entry: Entry): Promise<void> {
    const { uid, gid, mode, atimeSec, atimeNsec, mtimeSec, mtimeNsec } = entry
    const isLink = isSymlink(entry)
    if (this.#isRoot) await (isLink ? lchown : chown)(path, uid, gid).catch(() => undefined)
    if (!isLink) await chmod(path, mode & 0o7777).catch(() => undefined)
    await lutimes(path, atimeSec + atimeNsec / 1e9, mtimeSec + mtimeNsec / 1e9).catch(() => undefined)
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
