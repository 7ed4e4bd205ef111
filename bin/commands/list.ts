// `vaultfs list`: the vaults of this user and where they are mounted, by what the kernel says now.

import type { Context } from '../context.js'
import { isVault, mountAt } from '../mount-table.js'
import { jsonOption, verb } from '../options.js'
import type { Registration } from '../registry.js'

interface Listed {
  readonly name: string
  readonly store: string
  /** Where it is mounted, or null. */
  readonly mountPoint: string | null
  readonly pid: number | null
  /** 'missing': its store is not there (now). 'dead': mounted, but its daemon is gone. */
  readonly state: 'mounted' | 'unmounted' | 'missing' | 'dead'
}

export const listCommand = (context: Context) =>
  verb({
    command: 'list',
    describe: 'List vaults and where they are mounted',
    builder: (options) => options.options(jsonOption),
    handler: (args) => {
      const vaults = context.registry.list().map((one) => listed(context, one))
      if (args.json) context.out(JSON.stringify({ vaults }))
      else for (const { name, store, mountPoint, state } of vaults) context.out(`${name}  ${state}${mountPoint === null ? '' : ` at ${mountPoint}`}  (${store})`)
    },
  })

function listed(context: Context, { name, store, mountPoint, pid, socket }: Registration): Listed {
  if (mountPoint !== undefined && socket !== undefined && isVault(mountAt(mountPoint)))
    return { name, store, mountPoint, pid: pid ?? null, state: pid !== undefined && isAlive(pid) ? 'mounted' : 'dead' }
  return { name, store, mountPoint: null, pid: null, state: context.service.exists(store) ? 'unmounted' : 'missing' }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
