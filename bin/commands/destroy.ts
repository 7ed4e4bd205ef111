// `vaultfs destroy`: deletes a vault for good, header first, so that a half-done deletion leaves nothing that opens. The
// store's folder was empty when the vault was made in it, so all that is in it goes.

import { closeSync, fsyncSync, openSync, readdirSync, rmdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fromErrno, VaultError } from '../../lib/terms/errors.js'
import type { Context } from '../context.js'
import { restoreMountPoint } from '../mount-point.js'
import { isVault, mountAt } from '../mount-table.js'
import { storeOption, verb } from '../options.js'
import { placeOf, requireVault, type Place } from '../place.js'
import { StoreLock } from '../store-lock.js'

export const destroyCommand = (context: Context) =>
  verb({
    command: 'destroy [mountpoint]',
    describe: 'Delete a vault for good',
    builder: (options) =>
      options.positional('mountpoint', { type: 'string' }).options({
        ...storeOption,
        'yes-destroy': { type: 'string', requiresArg: true, describe: "The vault's name, instead of typing it when asked" },
      }),
    handler: async (args) => {
      const place = placeOf(context, args)
      requireVault(context, place.store)
      const lock = StoreLock.tryTake(place.store)
      if (lock === undefined) throw inUse(place)
      try {
        await agree(context, place, args.yesDestroy)
        deleteStore(place.store)
      } finally {
        lock.release()
      }
      const known = context.registry.ofStore(place.store)
      if (known?.mountPoint !== undefined && !isVault(mountAt(known.mountPoint))) restoreMountPoint(known.mountPoint, known.mountPointMode === undefined ? 0o700 : known.mountPointMode)
      context.registry.remove(place.store)
      context.note(`${place.name} is destroyed`)
    },
  })

function inUse({ store, name }: Place): VaultError {
  return new VaultError('locked', `${name} is mounted`, { subject: store, next: 'unmount it first' })
}

async function agree(context: Context, { store, name }: Place, given: string | undefined): Promise<void> {
  const typed = given ?? (await context.terminal.line(`This deletes ${name} in ${store}, with its history. Type its name to agree: `, '--yes-destroy NAME'))
  if (typed !== name) throw new VaultError('cancelled', `'${typed}' is not its name; nothing was deleted`, { subject: store, next: `its name is '${name}'` })
}

function deleteStore(store: string): void {
  try {
    for (const header of ['header', 'header.backup']) rmSync(join(store, header), { force: true })
    const folder = openSync(store, 'r')
    fsyncSync(folder)
    closeSync(folder)
    for (const name of readdirSync(store)) rmSync(join(store, name), { recursive: true, force: true })
    rmdirSync(store)
  } catch (error) {
    throw fromErrno(error, store)
  }
}
