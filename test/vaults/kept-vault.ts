// A store on a mount in this process, and what a tree looks like through it: for making vaults that are kept, and for
// opening them for ever after. Never a synchronous file call on the mount here.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openKeys } from '../../bin/open-keys.js'
import { ownersFrom } from '../../bin/owner-options.js'
import type { Unlock } from '../../bin/secrets.js'
import { systemEntropy } from '../../bin/system-sources.js'
import type { Logger } from '../../lib/terms/log.js'
import type { RetentionPolicy } from '../../lib/terms/retention.js'
import { mountVault, type MountedVault } from '../../mount/mount.js'
import { ForwardClock } from '../mount/mounted-vault.js'
import { python } from '../native-deps/fuse-fixture.js'
import type { ListedEntry } from '../reader/second-reader.js'
import { parsedLines } from '../reader/second-reader.js'

/** What a tree was: of `expected.json`. */
export interface KeptState {
  /** The state's name in `.versions`. */
  readonly moment: string
  /** Of the snapshot, if it is one. */
  readonly name: string | null
  readonly entries: readonly ListedEntry[]
}

export interface Expected {
  readonly passphrase: string
  readonly words: string
  readonly states: readonly KeptState[]
  /** What a kill -9 left: published, and only in the log. */
  readonly afterCrash: readonly ListedEntry[]
}

export interface KeptMount {
  readonly folder: string
  readonly mounted: MountedVault
  readonly clock: ForwardClock
  /** Errors that were logged. */
  readonly logged: string[]
  /** Publishes, unmounts, and removes the mount point. */
  leave(): Promise<void>
}

/** However old the vault is by now, nothing of its past is let go of by the way. */
const retention: RetentionPolicy = { withinSec: 1000 * 365 * 24 * 3600, hourly: 0, daily: 0, weekly: 0, monthly: 0, offsetMin: 0 }
const isRoot = process.geteuid?.() === 0

export async function mountStore(store: string, unlock: Unlock): Promise<KeptMount> {
  const logged: string[] = []
  const logger: Logger = {
    log: (level, message, fields) => {
      if (level === 'error') logged.push(`${message} ${JSON.stringify(fields ?? {})}`)
    },
  }
  const { opened, identity } = await openKeys({ store, unlock, logger, readOnly: false })
  // Files of others: root sees them as they are, anybody else as his own.
  const owners = isRoot ? undefined : ownersFrom({ mapUid: '', mapGid: '', forceOwner: 'me' })
  const folder = mkdtempSync(join(tmpdir(), 'vaultfs-kept-mnt-'))
  const clock = new ForwardClock()
  const mounted = await mountVault({
    store, page: opened.page, header: opened.header, identity, readOnly: false, retention, driver: 'kernel', showVersions: false, logger, bulkThreads: 1,
    owner: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }, clock, entropy: systemEntropy,
    options: {
      mountPoint: folder, source: 'vaultfs:kept', allowOther: isRoot, readOnly: false, spinMicroseconds: 0,
      entrySeconds: 3600, attributeSeconds: 3600, writeback: false,
    },
    ...(owners === undefined ? {} : { owners }),
  })
  let left: Promise<void> | undefined
  const leave = (): Promise<void> => (left ??= mounted.unmount({ lazy: true }, () => undefined).then(() => { rmSync(folder, { recursive: true }) }))
  return { folder, mounted, clock, logged, leave }
}

/** The second reader's `list --json --sha256`, of what is mounted. */
const walk = `
import hashlib, json, stat
root = os.fsencode(a[0])
kinds = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "symlink", stat.S_IFIFO: "fifo", stat.S_IFSOCK: "socket", stat.S_IFCHR: "character", stat.S_IFBLK: "block"}
def look(path):
    s = os.lstat(path); kind = kinds[stat.S_IFMT(s.st_mode)]
    name = os.path.relpath(path, root)
    device = os.major(s.st_rdev) << 8 | os.minor(s.st_rdev) & 0xff | (os.minor(s.st_rdev) & 0xfff00) << 12
    print(json.dumps({"path": "" if name == b"." else name.decode("latin-1"), "kind": kind, "mode": stat.S_IMODE(s.st_mode), "uid": s.st_uid, "gid": s.st_gid,
        "links": s.st_nlink, "size": s.st_size, "device": device, "mtimeNs": str(s.st_mtime_ns),
        "target": os.readlink(path).decode("latin-1") if kind == "symlink" else "",
        "sha256": hashlib.sha256(open(path, "rb").read()).hexdigest() if kind == "file" else None,
        "xattrs": {os.fsencode(x).decode("latin-1"): os.getxattr(path, x, follow_symlinks=False).hex() for x in os.listxattr(path, follow_symlinks=False)}}))
look(root)
for at, folders, files in os.walk(root):
    for name in folders + files: look(os.path.join(at, name))`

export async function treeOf(folder: string): Promise<ListedEntry[]> {
  return inOrder(parsedLines<ListedEntry>(await python(walk, folder)))
}

/** Sorted; without what a reader of the manifest and a mount tell differently, and without owners where they can't be seen. */
export function inOrder(entries: readonly ListedEntry[], { owners = isRoot }: { readonly owners?: boolean } = {}): ListedEntry[] {
  return entries.map((entry) => ({
    ...entry,
    ...(entry.kind === 'directory' ? { links: 0, size: 0 } : {}),
    ...(owners ? {} : { uid: 0, gid: 0 }),
    // A name without a dot is no program's (FORMAT §10.1).
    xattrs: Object.fromEntries(Object.entries(entry.xattrs).filter(([name]) => name.includes('.')).sort(([one], [other]) => (one < other ? -1 : 1))),
  })).sort((one, other) => (one.path < other.path ? -1 : 1))
}
