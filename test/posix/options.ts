// The command line of `npm run test:posix -- …`.
import { parseArgs } from 'node:util'

export interface RunOptions {
  /** Suites by name, each with how the names of the wanted parts begin; undefined: all suites. */
  readonly only: ReadonlyMap<string, readonly string[]> | undefined
  /** A mounted filesystem to run on, instead of a vault of our own. */
  readonly on: string | undefined
  readonly driver: 'kernel' | 'fuse-native'
  readonly quick: boolean
  readonly logs: string | undefined
  readonly list: boolean
}

export const usage = `npm run test:posix [-- --only SUITE,SUITE] [--on MOUNTPOINT] [--driver kernel|fuse-native] [--quick] [--logs DIR] [--list]

  --only     these suites instead of all; SUITE:PART for the part whose name begins so (pjdfstest:rename/09, ltp:fcntl)
  --on       run on this mounted filesystem, not on a vault made for it
  --driver   of the vault that is made
  --quick    fewer operations, fewer seeds
  --logs     where logs are kept (default: a new folder below the temporary one)
  --list     name the suites, what they need and whether it is here`

export function readOptions(words: readonly string[]): RunOptions {
  const { values } = parseArgs({
    args: [...words],
    options: {
      only: { type: 'string' }, on: { type: 'string' }, driver: { type: 'string', default: 'kernel' }, quick: { type: 'boolean', default: false },
      logs: { type: 'string' }, list: { type: 'boolean', default: false },
    },
  })
  const { driver, on, only, quick, logs, list } = values
  if (driver !== 'kernel' && driver !== 'fuse-native') throw new Error(`--driver ${driver}: kernel or fuse-native`)
  return { only: only === undefined ? undefined : readOnly(only), on, driver, quick, logs, list }
}

function readOnly(text: string): ReadonlyMap<string, readonly string[]> {
  const only = new Map<string, readonly string[]>()
  for (const word of text.split(',').filter((each) => each !== '')) {
    const [name = '', part = ''] = word.split(':', 2)
    only.set(name, [...(only.get(name) ?? []), part])
  }
  return only
}
