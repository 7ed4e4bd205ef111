// `vaultfs unmount`: returns 0 only when everything is published and durable and the mount is gone. Of a daemon that is
// dead it takes the mount away and says, with the code of 'stale', that publishing has to wait for the next mount.

import { ControlClient } from '../../lib/control/client.js'
import { VaultError } from '../../lib/terms/errors.js'
import { answers, notMounted } from '../connection.js'
import type { Context } from '../context.js'
import { detachMount } from '../detach.js'
import { isVault, mountAt, realMountPoint } from '../mount-table.js'
import { holdersOf } from '../open-files.js'
import { verb } from '../options.js'
import { registeredAt } from '../place.js'
import { ProgressLine } from '../progress-line.js'
import { standingText } from '../report.js'

const holdersShownMax = 5

export const unmountCommand = (context: Context) =>
  verb({
    command: 'unmount <mountpoint>',
    aliases: 'umount',
    describe: 'Publish what is in flight, and unmount',
    builder: (options) =>
      options
        .positional('mountpoint', { type: 'string', demandOption: true })
        .options({ lazy: { type: 'boolean', default: false, describe: 'Detach although files are open' } }),
    handler: async (args) => {
      const mountPoint = realMountPoint(args.mountpoint)
      const registration = registeredAt(context, mountPoint)
      const socket = registration?.socket
      if (socket !== undefined && (await answers(socket))) return leave(context, { socket, mountPoint, lazy: args.lazy })
      if (registration === undefined) throw notMounted(mountPoint)
      detachMount(mountPoint)
      const { pid: _pid, socket: _socket, ...rest } = registration
      context.registry.put(rest)
      throw new VaultError('stale', `the daemon of ${registration.name} had died; its mount is gone now`, {
        subject: mountPoint, next: 'what was acknowledged is in the log of its store: mount it again to publish',
      })
    },
  })

async function leave(context: Context, { socket, mountPoint, lazy }: { readonly socket: string; readonly mountPoint: string; readonly lazy: boolean }): Promise<void> {
  const client = await ControlClient.connect(socket)
  const progress = new ProgressLine(process.stderr)
  try {
    const standing = await client.unmount({ lazy }, progress.report)
    // The daemon closes its end last of all, when the store is free for another; detached, when the last file is closed.
    if (!lazy) await client.closed
    progress.end()
    if (standing !== null) context.note(standingText(standing))
  } catch (error) {
    throw error instanceof VaultError && error.code === 'busy' ? busy(mountPoint, error) : error
  } finally {
    progress.end()
    client.close()
  }
  if (lazy) context.note(`detached ${mountPoint}; the daemon ends when the last open file is closed`)
  if (isVault(mountAt(mountPoint)))
    throw new VaultError('busy', `another mount lies at ${mountPoint}`, { subject: mountPoint, next: 'unmount that one too' })
}

function busy(mountPoint: string, cause: VaultError): VaultError {
  const holders = holdersOf(mountPoint)
  const shown = holders.slice(0, holdersShownMax).map(({ pid, command }) => `${command} (${pid})`)
  const rest = holders.length > shown.length ? ` and ${holders.length - shown.length} more` : ''
  const who = shown.length === 0 ? 'somebody' : shown.join(', ') + rest
  return new VaultError('busy', `${mountPoint} is in use by ${who}`, { subject: mountPoint, next: 'end them, or detach it all the same with --lazy', cause })
}
