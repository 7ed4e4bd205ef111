// The little that a chain asks of a file, and that over the operating system. A port, so that tests can lose power in
// the middle of any call.

import { open, type FileHandle } from 'node:fs/promises'
import { fromErrno } from '../terms/errors.js'

export interface ChainFile {
  size(): Promise<number>
  /** Fewer bytes only at the file's end; in memory of their own. */
  read(offset: number, length: number): Promise<Uint8Array>
  /** All of it, or it rejects; not durable before `sync`. */
  write(offset: number, bytes: Uint8Array): Promise<void>
  truncate(length: number): Promise<void>
  /** Durable when it resolves, size included. When it rejects nothing is known, and trying again proves nothing. */
  sync(): Promise<void>
  close(): Promise<void>
}

/** Opens or makes the file; its directory entry is durable when it resolves. */
export async function openChainFile(path: string, directory: string): Promise<ChainFile> {
  try {
    const handle = await open(path, 'r+').catch(async (error: unknown) => {
      if (fromErrno(error, path).code !== 'not-found') throw error
      return await open(path, 'wx+', 0o600)
    })
    const folder = await open(directory, 'r')
    await folder.sync().finally(async () => { await folder.close() })
    return new SystemFile(handle, path)
  } catch (error) {
    throw fromErrno(error, path)
  }
}

class SystemFile implements ChainFile {
  readonly #handle: FileHandle
  readonly #path: string

  constructor(handle: FileHandle, path: string) {
    this.#handle = handle
    this.#path = path
  }

  async size(): Promise<number> {
    return await this.#translated(async () => (await this.#handle.stat()).size)
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    return await this.#translated(async () => {
      const bytes = new Uint8Array(length)
      let done = 0
      while (done < length) {
        const { bytesRead } = await this.#handle.read(bytes, done, length - done, offset + done)
        if (bytesRead === 0) break
        done += bytesRead
      }
      return bytes.subarray(0, done)
    })
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    await this.#translated(async () => {
      let done = 0
      while (done < bytes.byteLength) {
        done += (await this.#handle.write(bytes, done, bytes.byteLength - done, offset + done)).bytesWritten
      }
    })
  }

  async truncate(length: number): Promise<void> {
    await this.#translated(async () => { await this.#handle.truncate(length) })
  }

  async sync(): Promise<void> {
    await this.#translated(async () => { await this.#handle.datasync() })
  }

  async close(): Promise<void> {
    await this.#translated(async () => { await this.#handle.close() })
  }

  async #translated<T>(use: () => Promise<T>): Promise<T> {
    try {
      return await use()
    } catch (error) {
      throw fromErrno(error, this.#path)
    }
  }
}
