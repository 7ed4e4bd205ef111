// fuse-native 2.2.6 has no types. Only what fuse-native.ts uses; a callback's first argument is 0, a count or -errno.

declare module 'fuse-native' {
  type Done = (result: number) => void

  export interface Stat {
    readonly mode: number
    readonly uid: number
    readonly gid: number
    readonly size: number
    readonly nlink: number
    readonly ino: number
    readonly rdev: number
    readonly blksize: number
    readonly blocks: number
    /** Milliseconds. */
    readonly atime: number
    readonly mtime: number
    readonly ctime: number
  }

  export interface Statfs {
    readonly bsize: number
    readonly frsize: number
    readonly blocks: number
    readonly bfree: number
    readonly bavail: number
    readonly files: number
    readonly ffree: number
    readonly favail: number
    readonly namemax: number
  }

  export interface Operations {
    statfs(path: string, done: (result: number, statfs?: Statfs) => void): void
    getattr(path: string, done: (result: number, stat?: Stat) => void): void
    fgetattr(path: string, fd: number, done: (result: number, stat?: Stat) => void): void
    flush(path: string, fd: number, done: Done): void
    fsync(path: string, dataOnly: number, fd: number, done: Done): void
    fsyncdir(path: string, dataOnly: number, fd: number, done: Done): void
    readdir(path: string, done: (result: number, names?: readonly string[]) => void): void
    truncate(path: string, size: number, done: Done): void
    ftruncate(path: string, fd: number, size: number, done: Done): void
    utimens(path: string, atimeMs: number, mtimeMs: number, done: Done): void
    readlink(path: string, done: (result: number, target?: string) => void): void
    chown(path: string, uid: number, gid: number, done: Done): void
    chmod(path: string, mode: number, done: Done): void
    mknod(path: string, mode: number, device: number, done: Done): void
    setxattr(path: string, name: string, value: Buffer, position: number, flags: number, done: Done): void
    getxattr(path: string, name: string, position: number, done: (result: number, value?: Buffer) => void): void
    listxattr(path: string, done: (result: number, names?: readonly string[]) => void): void
    removexattr(path: string, name: string, done: Done): void
    open(path: string, flags: number, done: (result: number, fd?: number) => void): void
    read(path: string, fd: number, into: Buffer, length: number, offset: number, done: Done): void
    write(path: string, fd: number, data: Buffer, length: number, offset: number, done: Done): void
    release(path: string, fd: number, done: Done): void
    create(path: string, mode: number, done: (result: number, fd?: number) => void): void
    unlink(path: string, done: Done): void
    rename(from: string, to: string, done: Done): void
    link(path: string, newPath: string, done: Done): void
    symlink(target: string, path: string, done: Done): void
    mkdir(path: string, mode: number, done: Done): void
    rmdir(path: string, done: Done): void
  }

  export default class Fuse {
    /** Called by the instance's unmount; replaced, because it runs `fusermount -uz` through a shell. */
    static unmount: (mountPoint: string, done: (error: Error | null) => void) => void
    constructor(mountPoint: string, operations: Operations, options: Readonly<Record<string, string | boolean | number>>)
    mount(done: (error: Error | null) => void): void
    unmount(done: (error: Error | null) => void): void
  }
}
