// What restoring does beside changing the tree: it comes from no request of the kernel, so the kernel must be told which
// names and attributes it holds are not true any more; and it waits where requests would wait.
import type { RestoreHooks } from '../lib/vault-restore-changes.js'
import type { Upkeep } from '../lib/vault-upkeep.js'
import { limits } from '../lib/terms/limits.js'
import type { Mount } from '../native-deps/fuse/handler.js'
import { orphan, type Volume } from './ops/volume.js'

/** Of FUSE_NOTIFY_INVAL_INODE: attributes only, pages stay. */
export const attributesOnly = -1

export function restoreHooks(volume: Volume, mount: Mount, upkeep: Upkeep): RestoreHooks {
  const { tree, log } = volume.vault.parts
  return {
    admit: (bytes) => {
      const room = (): Promise<void> | undefined => (bytes === 0 || upkeep.room.take(bytes) ? undefined : upkeep.room.wait(bytes))
      if (tree.changes >= limits.generationChanges) return upkeep.apply().then(room)
      return log.sizeBytes > limits.logBytesMax * 2 ? upkeep.publish('all').then(room) : room()
    },
    renamed: (parent, name) => {
      mount.invalidateEntry(parent, name)
      // Its listing too.
      mount.invalidateInode(parent, 0, 0)
    },
    changed: (ino) => {
      mount.invalidateInode(ino, attributesOnly, 0)
    },
    orphaned: (ino) => {
      orphan(volume, ino)
    },
  }
}
