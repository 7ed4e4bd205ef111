// From a mount point to the daemon that serves it.

import { ControlClient } from '../lib/control/client.js'
import { VaultError } from '../lib/terms/errors.js'
import type { Context } from './context.js'
import { isVault, mountAt, realMountPoint } from './mount-table.js'
import { registeredAt } from './place.js'

export async function connectTo(context: Context, asked: string): Promise<ControlClient> {
  const mountPoint = realMountPoint(asked)
  const socket = registeredAt(context, mountPoint)?.socket
  if (socket === undefined) throw notMounted(mountPoint)
  return ControlClient.connect(socket)
}

export function notMounted(mountPoint: string): VaultError {
  const next = isVault(mountAt(mountPoint))
    ? 'a vault of another user or session is mounted there: ask as that user'
    : "'vaultfs list' shows what is mounted, 'vaultfs mount' mounts"
  return new VaultError('not-mounted', `no vault is mounted at ${mountPoint}`, { subject: mountPoint, next })
}

/** Whether a daemon answers there. */
export async function answers(socket: string): Promise<boolean> {
  try {
    const client = await ControlClient.connect(socket)
    await client.ping()
    client.close()
    return true
  } catch (error) {
    if (error instanceof VaultError && error.code === 'not-mounted') return false
    throw error
  }
}
