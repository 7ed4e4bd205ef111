// `vaultfs rebuild`: makes the catalog, the database of the past and the cache's index anew, from the manifest, the blobs
// and the log. For a store whose databases are lost, damaged or older than the rest; harmless for any other.

import { VaultError } from '../../lib/terms/errors.js'
import type { Context } from '../context.js'
import { jsonOption, recoveryFileOption, secretOptions, storeOption, verb } from '../options.js'
import { placeOf, requireVault } from '../place.js'
import { count } from '../report.js'
import { headsFolder } from '../registry.js'
import { readUnlock } from '../secrets.js'
import { StoreLock } from '../store-lock.js'
import { WorkProgressLine } from '../work-progress.js'

const phases = { manifest: 'reading the manifest', catalog: 'writing the catalog', contents: 'looking for chunks' } as const

export const rebuildCommand = (context: Context) =>
  verb({
    command: 'rebuild [mountpoint]',
    describe: 'Make the databases of an unmounted vault anew',
    builder: (options) =>
      options.positional('mountpoint', { type: 'string' }).options({ ...storeOption, ...secretOptions, ...recoveryFileOption, ...jsonOption }),
    handler: async (args) => {
      const { store, name } = placeOf(context, args)
      requireVault(context, store)
      const lock = await StoreLock.take(store, () => false).catch((error: unknown) => {
        if (!(error instanceof VaultError) || error.code !== 'locked') throw error
        throw new VaultError('locked', `${name} is in use: it cannot be rebuilt while it is mounted`, { subject: store, next: "'vaultfs unmount' it first", cause: error })
      })
      const progress = new WorkProgressLine(process.stderr)
      const began = performance.now()
      try {
        const unlock = await readUnlock(args, context.terminal, `Passphrase of ${name}: `)
        const rebuilt = await context.service.rebuild({ store, unlock, headsFolder: headsFolder(context.settings), logger: { log: (level, message) => { if (level === 'error') context.note(message) } } }, ({ phase, done, total }) => {
          progress.report({ phase: phases[phase], done, total, unit: phase === 'manifest' ? 'bytes' : 'items' })
        })
        progress.end()
        const seconds = (performance.now() - began) / 1000
        if (args.json === true) context.out(JSON.stringify({ ...rebuilt, seconds }))
        else {
          const { entries, moments, pastRows, blobs } = rebuilt
          context.out(`${name} is rebuilt: ${count(entries, 'entry', 'entries')}, ${count(moments, 'moment')} with ${count(pastRows, 'past row')}, ${count(blobs, 'blob')}, in ${seconds.toFixed(1)} s`)
        }
        if (rebuilt.damagedContents > 0) {
          throw new VaultError('corrupt', `${count(rebuilt.damagedContents, 'version of a file', 'versions of files')} cannot be read whole`, { subject: store, next: "'vaultfs verify' names them" })
        }
      } finally {
        progress.end()
        lock.release()
      }
    },
  })
