// The nodes of the vault that a person names: by its daemon when it is mounted, else by its store, opened for this one piece
// of work.
import type { PeersPort } from '../lib/control/peer-port.js'
import { connectTo } from './connection.js'
import type { Context } from './context.js'
import { placeOf, requireVault } from './place.js'
import { readUnlock, type SecretOptions } from './secrets.js'
import { StoreLock } from './store-lock.js'
import { chosenMountPoint } from './vault-path.js'

export interface VaultArguments extends SecretOptions {
  readonly mountpoint: string | undefined
  readonly store: string | undefined
}

/** 'read': the list of nodes is not changed. */
export async function withPeers<Result>(context: Context, args: VaultArguments, use: 'read' | 'write', work: (peers: PeersPort) => Promise<Result>): Promise<Result> {
  const place = args.mountpoint === undefined && args.store === undefined ? undefined : placeOf(context, args)
  const mountPoint = place === undefined ? chosenMountPoint(context, args) : mountPointOf(context, place.store)
  if (mountPoint !== undefined) {
    const client = await connectTo(context, mountPoint)
    try {
      return await work(client.peers)
    } finally {
      client.close()
    }
  }
  const { store, name } = placeOf(context, args)
  requireVault(context, store)
  const lock = await StoreLock.take(store, () => false, use)
  try {
    const unlock = await readUnlock(args, context.terminal, `Passphrase of ${name}: `)
    const logger = { log: (level: string, message: string): void => { if (level === 'error') context.note(message) } }
    const peers = await context.service.peers({ store, unlock, readOnly: use === 'read', logger })
    try {
      return await work(peers)
    } finally {
      peers.close()
    }
  } finally {
    lock.release()
  }
}

/** Of a daemon that is registered there, dead or alive. */
function mountPointOf(context: Context, store: string): string | undefined {
  const known = context.registry.ofStore(store)
  return known?.socket === undefined ? undefined : known.mountPoint
}
