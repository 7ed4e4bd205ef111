// What every family of operations works on: the vault's parts, the entries' ends, and the volume's own figures.
import { modeType, rootIno, touchWritten, type Entry } from '../../lib/tree/entry.js'
import type { Vault } from '../../lib/vault.js'
import { reserveOf } from '../../lib/vault-room.js'
import { effectiveUidOf } from '../../native-deps/system.js'
import { errno } from '../errno.js'
import type { FolderAhead } from './folder-ahead.js'
import type { Attributes, Caller, VolumeStatistics } from '../../native-deps/fuse/handler.js'

export interface Volume {
  readonly vault: Vault
  /** Asks the driver to tell when the kernel drops its last reference; false: it holds none now. */
  watchForget(ino: number): boolean
  /** Tells the kernel that attributes changed by a request of which it does not expect that. */
  changedBeside(ino: number): void
  /** Where a file's content is, as `user.vaultfs.state` says it; absent: nobody knows. */
  readonly stateOf?: (entry: Entry) => Promise<string>
  /** Absent: nobody reads ahead of those who go through a folder. */
  readonly ahead?: FolderAhead
  /** Unlinked entries that the kernel still holds. */
  readonly orphans: Set<number>
}

/** What a stat shows: of a file also what is only in memory. */
export function attributesOf(volume: Volume, entry: Entry): Attributes {
  const type = entry.mode & modeType.mask
  if (type === modeType.file) {
    const content = volume.vault.contents.peek(entry.ino)
    if (content === undefined) return entry
    const { size, blocksShown: blocks, times } = content
    if (times === undefined) return size === entry.size && blocks === entry.blocks ? entry : { ...entry, size, blocks }
    const shown = { ...entry, size, blocks }
    touchWritten(shown, times, volume.vault.now())
    return shown
  }
  if (type === modeType.directory) return { ...entry, size: 4096, blocks: 8 }
  return entry.target === null ? entry : { ...entry, size: entry.target.byteLength }
}

/** An entry without a name lives while the kernel holds it: files stay readable after unlink. */
export function orphan(volume: Volume, ino: number): void {
  if (volume.watchForget(ino)) volume.orphans.add(ino)
  else end(volume, ino)
}

export function forgotten(volume: Volume, inos: readonly number[]): void {
  for (const ino of inos) if (volume.orphans.delete(ino)) end(volume, ino)
}

/** The entry ends, with its content. It may have got a name again by linkat(2). */
export function end(volume: Volume, ino: number): void {
  const entry = volume.vault.tree.get(ino)
  if (entry === undefined || entry.nlink > 0 || ino === rootIno) return
  const change = volume.vault.change()
  change.remove(ino, entry.id)
  change.commit()
  volume.vault.contents.discard(ino)
}

/** FS_IOC_SHUTDOWN, as a power cut would do: root may, and whoever could kill the daemon. */
export function shutdown({ vault }: Volume, { pid }: Caller): number {
  const uid = effectiveUidOf(pid)
  if (uid !== 0 && (uid === undefined || uid !== process.geteuid?.())) return errno.EPERM
  vault.shutDown()
  return 0
}

/** Available is what can be stored yet: not what is kept free, nor what will be taken by what is written already. */
export async function statistics({ vault }: Volume): Promise<VolumeStatistics> {
  const space = await vault.space()
  const spoken = Math.ceil((reserveOf(space) + vault.contents.unstoredBytes) / space.blockSize)
  return { ...space, blocksAvailable: Math.max(0, space.blocksAvailable - spoken) }
}
