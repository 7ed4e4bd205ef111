// A log's directory in memory, whose files can be put there as bytes. It never fails: test/model/simulated-disk.ts does.
import type { LogDisk, LogFile } from '../../../lib/log/disk.js'

export class MemoryDisk implements LogDisk {
  readonly directory = 'log'
  readonly files = new Map<string, Uint8Array>()

  list(): readonly string[] {
    return [...this.files.keys()]
  }

  open(name: string, create: boolean): LogFile {
    if (create) this.files.set(name, new Uint8Array(0))
    const held = (): Uint8Array => {
      const file = this.files.get(name)
      if (file === undefined) throw Object.assign(new Error(`no file ${name}`), { code: 'ENOENT' })
      return file
    }
    const resize = (sizeBytes: number): void => {
      const grown = new Uint8Array(sizeBytes)
      grown.set(held().subarray(0, sizeBytes))
      this.files.set(name, grown)
    }
    return {
      get sizeBytes() { return held().byteLength },
      pwrite: (bytes, offset, length, position) => {
        if (held().byteLength < position + length) resize(position + length)
        held().set(bytes.subarray(offset, offset + length), position)
      },
      pread: (into, position) => {
        const part = held().subarray(position, position + into.byteLength)
        into.set(part)
        return part.byteLength
      },
      preallocate: (sizeBytes) => {
        if (held().byteLength < sizeBytes) resize(sizeBytes)
        return Promise.resolve()
      },
      truncate: resize, datasync: () => Promise.resolve(), close: () => undefined,
    }
  }

  rename(from: string, to: string): void {
    const file = this.files.get(from)
    if (file !== undefined) this.files.set(to, file)
    this.files.delete(from)
  }

  remove(name: string): void {
    this.files.delete(name)
  }

  syncDirectory(): Promise<void> {
    return Promise.resolve()
  }

  close(): void {
    // Nothing is open.
  }
}
