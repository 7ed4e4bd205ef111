// The one interface that both drivers call. Inode-based: `ino` is the kernel's nodeid. A method answers with a value
// (the fast path: replied at once) or a promise; an error is a negative errno, not an exception (a thrown error is a
// bug and is answered EIO). Names are bytes as latin1 strings, one character a byte, so that any byte survives.

/** `-errno`, e.g. -2 for ENOENT. */
export type Errno = number
export type Answer<T> = T | Errno | Promise<T | Errno>
/** 0, or a negative errno. */
export type Status = number | Promise<number>
export type Name = string

/** From here on an inode is always reported to `forgotten`, watched or not: such numbers are made for the kernel only. */
export const passingInoMin = 2 ** 52 + 2 ** 51

/** What `struct fuse_attr` and statx need. A tree entry satisfies it as it is. */
export interface Attributes {
  /** 0, from a lookup: the name is not there, and the kernel may remember so for `entrySeconds`. */
  readonly ino: number
  /** The kernel's number for it, where that is not `ino`: a view of the past, or a version that another device replaced. */
  readonly nodeid?: number
  /** Type bits and permissions. */
  readonly mode: number
  readonly nlink: number
  readonly uid: number
  readonly gid: number
  readonly rdev: number
  readonly size: number
  /** 512-byte units. */
  readonly blocks: number
  readonly atimeSec: number
  readonly atimeNsec: number
  readonly mtimeSec: number
  readonly mtimeNsec: number
  readonly ctimeSec: number
  readonly ctimeNsec: number
  readonly btimeSec: number
  readonly btimeNsec: number
  /** For how long the kernel may answer name and attributes by itself, where that is not what the mount says. */
  readonly entrySeconds?: number
  readonly attributeSeconds?: number
}

/** Of a request that makes no entry, a kernel that knows idmapped mounts says 2^32 − 1 for both (FUSE_ALLOW_IDMAP). */
export interface Caller {
  readonly uid: number
  readonly gid: number
  readonly pid: number
}

/** Which attributes to set; `undefined` leaves one alone. Times of 'now' are taken from the vault's clock. */
export interface AttributeChanges {
  readonly mode?: number
  readonly uid?: number
  readonly gid?: number
  readonly size?: number
  readonly atime?: 'now' | { readonly sec: number; readonly nsec: number }
  readonly mtime?: 'now' | { readonly sec: number; readonly nsec: number }
  readonly ctime?: { readonly sec: number; readonly nsec: number }
  /** FATTR_KILL_SUIDGID: drop set-uid, and set-gid of a group-executable file. */
  readonly killSuidGid?: boolean
  /** The open file through which it came, if any. */
  readonly handle?: number
}

export interface OpenReply {
  readonly handle: number
  /** FOPEN_* bits of <linux/fuse.h>. */
  readonly flags: number
}

export interface CreateReply extends OpenReply {
  readonly attributes: Attributes
}

export interface VolumeStatistics {
  /** In units of `blockSize` bytes. */
  readonly blocks: number
  readonly blocksFree: number
  readonly blocksAvailable: number
  readonly files: number
  readonly filesFree: number
  readonly blockSize: number
  readonly nameLengthMax: number
}

/**
 * One entry of a listing. `cookie` > 0 is where a later readdir goes on (the entry after this one); stable while
 * entries come and go. Returns false when the reply is full: the entry was not taken.
 */
export type FillDirectory = (name: Name, ino: number, mode: number, cookie: number, attributes: Attributes | null) => boolean

/**
 * Valid until its answer. `onAbort`: whoever waits for the answer is to end (killed, or told to by SIGINT or its like). What
 * changes nothing is answered EINTR by the driver and may go on unheard; all else answers -EINTR, or its result.
 */
export interface Request extends Caller {
  onAbort(callback: () => void): void
}

export interface Handler {
  /** Before the first request. */
  ready?(negotiated: { readonly minor: number; readonly flags: bigint }): void
  lookup(parent: number, name: Name, request: Request): Answer<Attributes>
  /** The kernel held no reference any more to these inodes, watched (see Mount.watchForget) or from `passingInoMin` on. */
  forgotten(inos: readonly number[]): void
  getattr(ino: number, handle: number | undefined, request: Request): Answer<Attributes>
  setattr(ino: number, changes: AttributeChanges, request: Request): Answer<Attributes>
  readlink(ino: number, request: Request): Answer<Uint8Array>
  symlink(parent: number, name: Name, target: Uint8Array, request: Request): Answer<Attributes>
  /** `umask` is the caller's; the handler applies it, or the parent's default ACL instead. */
  mknod(parent: number, name: Name, mode: number, rdev: number, umask: number, request: Request): Answer<Attributes>
  mkdir(parent: number, name: Name, mode: number, umask: number, request: Request): Answer<Attributes>
  unlink(parent: number, name: Name, request: Request): Status
  rmdir(parent: number, name: Name, request: Request): Status
  /** `flags`: RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT of <linux/fs.h>. */
  rename(parent: number, name: Name, newParent: number, newName: Name, flags: number, request: Request): Status
  link(ino: number, newParent: number, newName: Name, request: Request): Answer<Attributes>
  open(ino: number, flags: number, killSuidGid: boolean, request: Request): Answer<OpenReply>
  create(parent: number, name: Name, mode: number, flags: number, umask: number, request: Request): Answer<CreateReply>
  tmpfile(parent: number, mode: number, flags: number, umask: number, request: Request): Answer<CreateReply>
  /** The bytes stay the handler's until it is called again (the driver has sent them by then); fewer at end of file. */
  read(ino: number, handle: number, offset: number, length: number, request: Request): Answer<Uint8Array>
  /**
   * As read, and what is not more work to read: from `start` on, at or before `offset`, whole pages or up to the file's
   * end. Called only when nobody may change the file while the answer is made.
   */
  readAround?(ino: number, offset: number, length: number, request: Request): Answer<AroundReply>
  /**
   * `data` is borrowed: valid until the method returns, or, when it returns a promise, until that settles.
   * Answers the number of bytes taken.
   */
  write(ino: number, handle: number, offset: number, data: Uint8Array, flags: WriteFlags, request: Request): Status
  /** Whether a close of it has nothing to wait for: then it can't fail for what others could not log. */
  isLogged?(ino: number): boolean
  flush(ino: number, handle: number, request: Request): Status
  release(ino: number, handle: number, request: Request): Status
  fsync(ino: number, handle: number, dataOnly: boolean, request: Request): Status
  /** Fills from the entry after `cookie` (0: the beginning); answers 0 or a negative errno. `plus`: attributes are wanted. */
  readdir(ino: number, cookie: number, plus: boolean, fill: FillDirectory, request: Request): Status
  fsyncdir(ino: number, dataOnly: boolean, request: Request): Status
  syncfs(ino: number, request: Request): Status
  statfs(ino: number, request: Request): Answer<VolumeStatistics>
  /** `flags`: XATTR_CREATE 1, XATTR_REPLACE 2. `killSgid`: FUSE_SETXATTR_ACL_KILL_SGID. */
  setxattr(ino: number, name: Name, value: Uint8Array, flags: number, killSgid: boolean, request: Request): Status
  getxattr(ino: number, name: Name, request: Request): Answer<Uint8Array>
  /** All names, each ended by a zero byte. */
  listxattr(ino: number, request: Request): Answer<Uint8Array>
  removexattr(ino: number, name: Name, request: Request): Status
  /** `mode`: FALLOC_FL_* of <linux/falloc.h>. */
  fallocate(ino: number, handle: number, mode: number, offset: number, length: number, request: Request): Status
  /** `whence`: SEEK_DATA 3 or SEEK_HOLE 4; answers the offset found. */
  lseek(ino: number, handle: number, offset: number, whence: number, request: Request): Status
  /** Answers the number of bytes copied. */
  copyFileRange(from: CopyEnd, to: CopyEnd, length: number, request: Request): Status
  /** chattr(1)'s flags of a file or directory, FS_*_FL of <linux/fs.h>. Without this method there are none. */
  getflags?(ino: number, request: Request): Status
  setflags?(ino: number, flags: number, request: Request): Status
  /** FS_IOC_SHUTDOWN. Whether the caller may is the handler's to say. */
  shutdown?(request: Request): Status
  /**
   * Called after a batch of drained requests, before the replies of those that changed something leave: what was
   * logged in the batch is handed to the kernel's page cache here. A negative errno is answered to all of them instead.
   */
  afterBatch(): number | void
}

/** `bytes`: valid as those of a read are. */
export interface AroundReply {
  readonly start: number
  readonly bytes: Uint8Array
}

export interface WriteFlags {
  /** FUSE_WRITE_CACHE: a page the kernel writes back; the caller's identity is unknown. */
  readonly fromCache: boolean
  /** FUSE_WRITE_KILL_SUIDGID. */
  readonly killSuidGid: boolean
  /** O_APPEND of the open file. */
  readonly append: boolean
}

export interface CopyEnd {
  readonly ino: number
  readonly handle: number
  readonly offset: number
}

/** What became of the kernel's requests since the mount. */
export interface RequestCounts {
  readonly answered: number
  /** Taken from the kernel and not answered yet. */
  readonly waiting: number
  /** The one of those that waits longest. Opcode and number are 0 where the driver does not know them. */
  readonly oldest: { readonly opcode: number; readonly ino: number; readonly waitedMs: number } | null
}

/** Answers to changes, kept where a daemon that takes the mount over finds them. `request`: the kernel's number of it. */
export interface AnswerMemory {
  /** Before what it acknowledges is flushed to the log. `reply` is copied. */
  note(request: number, reply: Uint8Array): void
  find(request: number): Uint8Array | undefined
}

/** A connection to the kernel that another daemon had begun. */
export interface Connection {
  readonly fd: number
  readonly mountPoint: string
  /** By mount(2); else by fusermount. */
  readonly direct: boolean
  /** What INIT agreed on; the flags in decimal, since JSON has no such number. */
  readonly minor: number
  readonly flags: string
}

/** A reading that content for the kernel's pages may follow. */
export interface Around {
  readonly ino: number
  /** Nobody came who may change the file. */
  valid: boolean
}

/** Content for the kernel's pages that it has not asked for. */
export interface PagePort {
  /** A reading begins; undefined: nothing may follow, because somebody may change the file. Ends with `end`. */
  begin(ino: number): Around | undefined
  /** What the file has from `offset` on, whole pages or up to its end. It may be dropped. */
  store(around: Around, offset: number, bytes: Uint8Array): void
  end(around: Around): void
}

/** A live mount, whichever driver made it. */
export interface Mount {
  readonly mountPoint: string
  readonly driver: 'kernel' | 'fuse-native'
  /** Resolves when the kernel let go of the mount: unmounted by us, by umount(8), or aborted. */
  readonly closed: Promise<void>
  requests(): RequestCounts
  /** What another daemon needs to go on serving it; undefined: none can. */
  connection(): Connection | undefined
  /** Tell `forgotten` when the kernel drops its last reference to this inode; answers false when it holds none now. */
  watchForget(ino: number): boolean
  /** Drop the kernel's pages (and attributes) of an inode; length 0: to the end. Never waits. */
  invalidateInode(ino: number, offset: number, length: number): void
  /** Drop a name from the kernel's cache. Never waits. */
  invalidateEntry(parent: number, name: Name): void
  /** Let the kernel ask for a name before it uses it again; whoever is below it stays there. Never waits; a kernel may not know how. */
  expireEntry(parent: number, name: Name): void
  /** Undefined: the driver can't. */
  readonly pages?: PagePort
  /** Resolves when the kernel has acted on all of these that were called before; a few seconds at most. */
  settled(): Promise<void>
  /**
   * Unmount. `lazy` detaches although files are open. Rejects with code 'busy' when files are open and not lazy.
   */
  unmount(options: { readonly lazy: boolean }): Promise<void>
}

export interface MountOptions {
  readonly mountPoint: string
  /** Shown in /proc/mounts as the source, e.g. "vaultfs:notes". */
  readonly source: string
  readonly allowOther: boolean
  readonly readOnly: boolean
  /** Microseconds to go on polling after activity; 0: sleep at once. */
  readonly spinMicroseconds: number
  /** Seconds for which the kernel may answer names and attributes by itself. */
  readonly entrySeconds: number
  readonly attributeSeconds: number
  readonly writeback: boolean
}
