// A process that makes system calls as one user: `system-calls.py`, one method a call. Calls are answered in their order
// and may be sent ahead; processes wait for each other only in the kernel. None of them lies inside of the mount when it
// begins, and the thread that answers the kernel never makes one of these calls itself.
import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { python } from '../support/python.js'
import { at, type TimeArgument } from './call-flags.js'
import { statOf, isErrno, type Dirent, type Errno, type FoundLock, type PathArgument, type RawStat, type Reply, type Stat } from './call-results.js'

/** Compiled tests lie in a folder beside `test`. */
const script = join(import.meta.dirname, '../../../test/posix/system-calls.py')

export interface Identity {
  readonly uid: number
  readonly gid: number
  /** Besides `gid`. */
  readonly groups?: readonly number[]
}

type Waiting = { readonly resolve: (value: unknown) => void; readonly reject: (error: Error) => void }

export class SystemCalls {
  readonly identity: Identity
  readonly #child: ChildProcess
  readonly #waiting: Waiting[] = []

  constructor(identity: Identity) {
    this.identity = identity
    const { uid, gid, groups = [] } = identity
    this.#child = spawn(python(), [script, String(uid), String(gid), groups.join(',')], { cwd: '/', stdio: ['pipe', 'pipe', 'inherit'] })
    const { stdout } = this.#child
    if (stdout === null) throw new Error('no pipe to the process')
    createInterface({ input: stdout }).on('line', (line) => { this.#answered(JSON.parse(line) as { value?: unknown; error?: string }) })
    this.#child.on('exit', () => { this.#gone() })
  }

  /** Ends the process, whatever it waits for; everything it held is let go of when this resolves. */
  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const gone = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.kill('SIGKILL')
    await gone
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  #answered({ value, error }: { value?: unknown; error?: string }): void {
    const first = this.#waiting.shift()
    if (error !== undefined && !isErrno(error)) first?.reject(new Error(error))
    else first?.resolve(error ?? value)
  }

  #gone(): void {
    for (const { reject } of this.#waiting.splice(0)) reject(new Error('the process that makes the system calls is gone'))
  }

  #call(name: string, ...args: readonly unknown[]): Promise<never> {
    return new Promise((resolve, reject) => {
      // What it answers is what the script answers to that call.
      this.#waiting.push({ resolve: resolve as (value: unknown) => void, reject })
      this.#child.stdin?.write(`${JSON.stringify({ call: name, arguments: args })}\n`)
    })
  }

  async #bytes(name: string, ...args: readonly unknown[]): Promise<Buffer | Errno> {
    const value: string = await this.#call(name, ...args)
    return isErrno(value) ? value : Buffer.from(value, 'base64')
  }

  async #stat(directory: number, path: PathArgument, flags: number): Promise<Stat | Errno> {
    const value: RawStat | Errno = await this.#call('statx', directory, path, flags)
    return typeof value === 'string' ? value : statOf(value)
  }

  // Names.
  mkdir(path: PathArgument, mode = 0o755): Reply<number> { return this.#call('mkdir', path, mode) }
  rmdir(path: PathArgument): Reply<number> { return this.#call('rmdir', path) }
  mkfifo(path: PathArgument, mode = 0o644): Reply<number> { return this.#call('mkfifo', path, mode) }
  mknod(path: PathArgument, mode: number, device = 0): Reply<number> { return this.#call('mknod', path, mode, device) }
  /** Makes a socket. */
  bind(path: string): Reply<number> { return this.#call('bind', path) }
  link(from: PathArgument, to: PathArgument): Reply<number> { return this.#call('link', from, to) }
  linkat(fromDirectory: number, from: PathArgument, toDirectory: number, to: PathArgument, flags: number): Reply<number> {
    return this.#call('linkat', fromDirectory, from, toDirectory, to, flags)
  }
  symlink(target: PathArgument, path: PathArgument): Reply<number> { return this.#call('symlink', target, path) }
  readlink(path: string): Reply<Buffer> { return this.#bytes('readlink', path) }
  rename(from: PathArgument, to: PathArgument): Reply<number> { return this.#call('rename', from, to) }
  renameat2(from: PathArgument, to: PathArgument, flags: number): Reply<number> { return this.#call('renameat2', at.cwd, from, at.cwd, to, flags) }
  unlink(path: PathArgument): Reply<number> { return this.#call('unlink', path) }
  unlinkat(directory: number, path: PathArgument, flags: number): Reply<number> { return this.#call('unlinkat', directory, path, flags) }
  chdir(path: PathArgument): Reply<number> { return this.#call('chdir', path) }
  /** Answers the one before. */
  umask(mask: number): Reply<number> { return this.#call('umask', mask) }

  // Attributes.
  stat(path: PathArgument): Reply<Stat> { return this.#stat(at.cwd, path, 0) }
  lstat(path: PathArgument): Reply<Stat> { return this.#stat(at.cwd, path, at.symlinkNoFollow) }
  fstat(fd: number): Reply<Stat> { return this.#stat(fd, '', at.emptyPath) }
  chmod(path: PathArgument, mode: number): Reply<number> { return this.#call('chmod', path, mode) }
  fchmod(fd: number, mode: number): Reply<number> { return this.#call('fchmod', fd, mode) }
  /** -1 leaves an id as it is. */
  chown(path: PathArgument, uid: number, gid: number): Reply<number> { return this.#call('chown', path, uid, gid) }
  lchown(path: PathArgument, uid: number, gid: number): Reply<number> { return this.#call('lchown', path, uid, gid) }
  fchown(fd: number, uid: number, gid: number): Reply<number> { return this.#call('fchown', fd, uid, gid) }
  truncate(path: PathArgument, size: number): Reply<number> { return this.#call('truncate', path, size) }
  ftruncate(fd: number, size: number): Reply<number> { return this.#call('ftruncate', fd, size) }
  utimens(path: PathArgument, atime: TimeArgument, mtime: TimeArgument, flags = 0): Reply<number> {
    return this.#call('utimensat', at.cwd, path, [atime, mtime], flags)
  }
  /** Both to now, as utimensat(2) does without times. */
  utimensNow(path: PathArgument): Reply<number> { return this.#call('utimensat', at.cwd, path, null, 0) }
  futimens(fd: number, atime: TimeArgument, mtime: TimeArgument): Reply<number> { return this.#call('utimensat', fd, null, [atime, mtime], 0) }
  access(path: PathArgument, mode: number): Reply<number> { return this.#call('access', path, mode) }
  pathconf(path: PathArgument, name: number): Reply<number> { return this.#call('pathconf', path, name) }
  statvfs(path: string): Reply<{ readonly blockSize: number; readonly nameMax: number; readonly flags: number }> { return this.#call('statvfs', path) }
  getxattr(path: string, name: string, follow = true): Reply<Buffer> { return this.#bytes('getxattr', path, name, follow) }
  setxattr(path: string, name: string, value: Uint8Array, flags = 0, follow = true): Reply<number> {
    return this.#call('setxattr', path, name, Buffer.from(value).toString('base64'), flags, follow)
  }
  removexattr(path: string, name: string): Reply<number> { return this.#call('removexattr', path, name) }
  listxattr(path: string, follow = true): Reply<string[]> { return this.#call('listxattr', path, follow) }

  // Open files. An fd is a number of this process.
  open(path: PathArgument, flags: number, mode = 0): Reply<number> { return this.#call('open', path, flags, mode) }
  openat(directory: number, path: PathArgument, flags: number, mode = 0): Reply<number> { return this.#call('openat', directory, path, flags, mode) }
  creat(path: PathArgument, mode: number): Reply<number> { return this.#call('creat', path, mode) }
  close(fd: number): Reply<number> { return this.#call('close', fd) }
  dup(fd: number): Reply<number> { return this.#call('dup', fd) }
  read(fd: number, length: number): Reply<Buffer> { return this.#bytes('read', fd, length, null) }
  pread(fd: number, length: number, offset: number): Reply<Buffer> { return this.#bytes('read', fd, length, offset) }
  write(fd: number, data: string | Uint8Array): Reply<number> { return this.#call('write', fd, Buffer.from(data).toString('base64'), null) }
  pwrite(fd: number, data: string | Uint8Array, offset: number): Reply<number> { return this.#call('write', fd, Buffer.from(data).toString('base64'), offset) }
  /** Into memory that begins `shift` bytes behind a page's; the same for writing. */
  readDirect(fd: number, length: number, offset: number, shift = 0): Reply<Buffer> { return this.#bytes('read_direct', fd, length, offset, shift) }
  writeDirect(fd: number, data: Uint8Array, offset: number, shift = 0): Reply<number> {
    return this.#call('write_direct', fd, Buffer.from(data).toString('base64'), offset, shift)
  }
  lseek(fd: number, offset: number, whence: number): Reply<number> { return this.#call('lseek', fd, offset, whence) }
  fallocate(fd: number, mode: number, offset: number, length: number): Reply<number> { return this.#call('fallocate', fd, mode, offset, length) }
  posixFallocate(fd: number, offset: number, length: number): Reply<number> { return this.#call('posix_fallocate', fd, offset, length) }
  copyFileRange(from: number, fromOffset: number | null, to: number, toOffset: number | null, length: number): Reply<number> {
    return this.#call('copy_file_range', from, fromOffset, to, toOffset, length)
  }
  fsync(fd: number): Reply<number> { return this.#call('fsync', fd) }
  fdatasync(fd: number): Reply<number> { return this.#call('fdatasync', fd) }
  syncfs(fd: number): Reply<number> { return this.#call('syncfs', fd) }
  openFilesMax(count: number): Reply<number> { return this.#call('openfiles', count) }

  // Locks, leases and the signals that come of them.
  fcntl(fd: number, command: number, value: number): Reply<number> { return this.#call('fcntl', fd, command, value) }
  lock(fd: number, command: number, type: number, start = 0, length = 0): Reply<FoundLock> { return this.#call('lock', fd, command, type, 0, start, length) }
  flock(fd: number, type: number): Reply<number> { return this.#call('flock', fd, type) }
  signals(waitMs: number): Reply<readonly number[]> { return this.#call('signals', waitMs) }

  // Listings. A stream is one of opendir(3).
  async getdents(fd: number, bufferBytes: number): Promise<readonly Dirent[] | Errno> {
    const found: unknown = await this.#call('getdents', fd, bufferBytes)
    if (isErrno(found)) return found
    return (found as readonly [string, number, string, number][]).map(([name, ino, offset, type]) => ({ name, ino, offset, type }))
  }
  opendir(path: PathArgument): Reply<number> { return this.#call('opendir', path) }
  /** The next names, so many at most. */
  readdir(stream: number, count: number): Reply<readonly string[]> { return this.#call('readdir', stream, count) }
  telldir(stream: number): Promise<string> { return this.#call('telldir', stream) }
  seekdir(stream: number, place: string): Reply<number> { return this.#call('seekdir', stream, place) }
  rewinddir(stream: number): Reply<number> { return this.#call('rewinddir', stream) }
  closedir(stream: number): Reply<number> { return this.#call('closedir', stream) }

  // Mapped files.
  map(fd: number, length: number, flags: number, protection: number, offset = 0): Reply<number> { return this.#call('map_file', fd, length, flags, protection, offset) }
  mapRead(map: number, offset: number, length: number): Reply<Buffer> { return this.#bytes('map_read', map, offset, length) }
  mapWrite(map: number, offset: number, data: string | Uint8Array): Reply<number> { return this.#call('map_write', map, offset, Buffer.from(data).toString('base64')) }
  msync(map: number): Reply<number> { return this.#call('map_sync', map) }
  unmap(map: number): Reply<number> { return this.#call('map_close', map) }

  // File handles, and programs that are run from the mount.
  nameToHandle(path: string, flags = 0): Reply<Buffer> { return this.#bytes('name_to_handle_at', at.cwd, path, flags) }
  openByHandle(mountFd: number, handle: Buffer, flags: number): Reply<number> { return this.#call('open_by_handle_at', mountFd, handle.toString('base64'), flags) }
  /** It ends when its standard input does: by `finish`, which answers its exit code. */
  execute(program: string, ...args: readonly string[]): Reply<number> { return this.#call('execute', program, args) }
  finish(program: number): Reply<number> { return this.#call('finish', program) }
}
