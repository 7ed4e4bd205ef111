// What xfstests needs to mount vaults: a mount helper (mount(8) finds it by its name in /sbin), a configuration, and a df
// that says `fuse` of a mount with a subtype. Its tree is not touched.
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface XfstestsFrame {
  /** For HOST_OPTIONS. */
  readonly config: string
  readonly mountPoints: readonly string[]
  remove(): void
}

export interface XfstestsFrameOptions {
  /** A folder off the mount for mount points, results and scripts. */
  readonly folder: string
  /** Where the two vaults' stores come to lie. */
  readonly disk: string
  readonly vaultfs: string
}

/**
 * Called as `helper DEVICE MOUNTPOINT [-o OPTIONS]`. Waits for the daemon that had the store before. A device that is
 * mounted twice is one filesystem in two places: here that is a bind.
 */
const helperScript = ({ folder, disk, vaultfs }: XfstestsFrameOptions, driver: string): string => `#!/bin/bash
device=$1 mountpoint=$2; shift 2
options=; [ "\${1:-}" = -o ] && options=$2
export HOME='${folder}/home' XDG_RUNTIME_DIR='${folder}/home/run' VAULTFS_GUARD=none
unset XDG_DATA_HOME XDG_STATE_HOME XDG_CONFIG_HOME
case ",$options," in *,remount,*) exec mount -i -o "$options" "$mountpoint" ;; esac
there=$(findmnt -n -f -o TARGET --source "$device") && exec mount --bind "$there" "$mountpoint"
store='${disk}'/\${device#vaultfs:}
args=(--store "$store" --allow-other --driver ${driver} --passphrase-file '${folder}/passphrase')
case ",$options," in *,ro,*) args+=(--read-only) ;; esac
[ -e "$store/header" ] || args+=(--create --recovery later --kdf-memory-mib 64 --kdf-passes 1)
for each in $(seq 600); do
  said=$('${vaultfs}' mount "$mountpoint" "\${args[@]}" 2>&1 < /dev/null) && break
  case $said in *'in use'*|*locked*) sleep 0.1 ;; *) echo "$said" >&2; exit 32 ;; esac
done
IFS=,
for option in $options; do
  case $option in noatime|nosuid|nodev|noexec|sync|dirsync|strictatime|relatime|nodiratime|lazytime) mount -i -o "remount,$option" "$mountpoint" || exit 32 ;; esac
done
`

export function makeFrame(options: XfstestsFrameOptions, driver: string): XfstestsFrame {
  const { folder, disk } = options
  // Also in the names of the two vaults: check refuses a source that is mounted elsewhere.
  const subtype = `vaultfs-posix-${process.pid}`
  const mountPoints = [join(folder, 'test'), join(folder, 'scratch')]
  for (const path of [...mountPoints, join(folder, 'results'), join(folder, 'home/run'), disk]) mkdirSync(path, { recursive: true })
  writeFileSync(join(folder, 'passphrase'), 'posix\n', { mode: 0o600 })
  const helper = `/sbin/mount.fuse.${subtype}`
  writeExecutable(helper, helperScript(options, driver))
  const df = join(folder, 'df')
  writeExecutable(df, "#!/bin/bash\nset -o pipefail\ndf -T -P \"$@\" | sed 's/ fuse\\.[^ ]* / fuse /'\n")
  const config = join(folder, 'local.config')
  writeFileSync(config, [
    `export TEST_DEV=vaultfs:${subtype}-test`, `export TEST_DIR=${mountPoints[0] ?? ''}`, `export SCRATCH_DEV=vaultfs:${subtype}-scratch`, `export SCRATCH_MNT=${mountPoints[1] ?? ''}`,
    'export FSTYP=fuse', `export FUSE_SUBTYP=.${subtype}`, 'export MOUNT_OPTIONS=', 'export TEST_FS_MOUNT_OPTS=', `export RESULT_BASE=${join(folder, 'results')}`, `export DF_PROG=${df}`, '',
  ].join('\n'))
  return { config, mountPoints, remove: () => { rmSync(helper, { force: true }) } }
}

function writeExecutable(path: string, text: string): void {
  writeFileSync(path, text)
  chmodSync(path, 0o755)
}
