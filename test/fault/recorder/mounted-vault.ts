// A vault that a real daemon mounts, read as every program reads it: slower than opened-vault.ts, and nothing left out.
import { open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { lookAtFolder, type Found } from '../torture/found.js'
import { VaultRig } from '../torture/vault-rig.js'

export class MountedVault {
  readonly #rig: VaultRig

  private constructor(rig: VaultRig) {
    this.#rig = rig
  }

  /** The store lies on `disk`, and so does what is remembered of it; everything else in `folder`. */
  static async open(folder: string, disk: string): Promise<MountedVault> {
    const rig = new VaultRig(folder, disk, 'detach', join(disk, 'state'))
    rig.prepare()
    await rig.mount()
    return new MountedVault(rig)
  }

  readonly look = (folder: string): Promise<Found> => lookAtFolder(join(this.#rig.mountPoint, folder))

  read(path: string): Promise<Uint8Array> {
    return readFile(join(this.#rig.mountPoint, path))
  }

  async write(name: string, published: boolean): Promise<void> {
    const path = join(this.#rig.mountPoint, name)
    const file = await open(path, 'wx')
    try {
      await file.writeFile(name)
      await file.sync()
    } finally {
      await file.close()
    }
    if (published) await this.#rig.publish()
    await rm(path)
  }

  /** Unmounts, then reads everything that is stored. */
  verify(): Promise<readonly string[]> {
    this.#rig.unmount()
    try {
      this.#rig.verify()
      return Promise.resolve([])
    } catch (error) {
      return Promise.resolve([String(error)])
    }
  }

  async close(): Promise<void> {
    await this.#rig.close()
  }
}
