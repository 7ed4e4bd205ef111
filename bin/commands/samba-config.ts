// `vaultfs samba-config`: what smb.conf needs so that Windows shows the past as "previous versions". Samba's module
// shadow_copy2 takes the exact moments of every folder's `.versions` for its snapshots.

import { basename } from 'node:path'
import { notMounted } from '../connection.js'
import type { Context } from '../context.js'
import { isVault, mountAt, realMountPoint } from '../mount-table.js'
import { storeOption, verb } from '../options.js'
import { chosenMountPoint } from '../vault-path.js'

export const sambaConfigCommand = (context: Context) =>
  verb({
    command: 'samba-config [mountpoint]',
    describe: 'Print what Samba needs to show the past as previous versions',
    builder: (options) => options.positional('mountpoint', { type: 'string' }).options(storeOption),
    handler: (args) => {
      const mountPoint = realMountPoint(chosenMountPoint(context, args))
      if (!isVault(mountAt(mountPoint))) throw notMounted(mountPoint)
      for (const line of snippet(mountPoint)) context.out(line)
    },
  })

function snippet(mountPoint: string): readonly string[] {
  return [
    '# For smb.conf. Others than the owner of the mount get in when it was mounted with --allow-other.',
    `[${basename(mountPoint).replace(/[[\]%]/g, '') || 'vault'}]`,
    `  path = ${mountPoint}`,
    '  read only = no',
    '  vfs objects = shadow_copy2',
    '  shadow:snapdir = .versions',
    '  shadow:snapdirseverywhere = yes',
    '  shadow:format = %Y-%m-%dT%H-%M-%SZ',
    '  shadow:localtime = no',
    '  shadow:sort = desc',
  ]
}
