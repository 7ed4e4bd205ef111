// Takes away a mount whose daemon is dead ("Transport endpoint is not connected"), lazily: nothing can be lost by it,
// what was acknowledged lies in the store's log.

import { spawnSync } from 'node:child_process'
import { VaultError } from '../lib/terms/errors.js'
import { isVault, mountAt } from './mount-table.js'

const ways: readonly (readonly [string, readonly string[]])[] = [
  ['fusermount3', ['-u', '-z']],
  ['fusermount', ['-u', '-z']],
  ['umount', ['-l']],
]

export function detachMount(mountPoint: string): void {
  const isRoot = process.getuid?.() === 0
  for (const [command, args] of isRoot ? ways.toReversed() : ways) {
    if (!isVault(mountAt(mountPoint))) return
    spawnSync(command, [...args, mountPoint], { stdio: 'ignore' })
  }
  if (isVault(mountAt(mountPoint)))
    throw new VaultError('busy', `the dead mount at ${mountPoint} does not go away`, { subject: mountPoint, next: `try 'umount -l ${mountPoint}' as root` })
}
