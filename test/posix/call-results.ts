// What a system call comes to: a value, or the name of the error.

export type Errno = `E${string}`
export type Reply<Value> = Promise<Value | Errno>

/** A path, or an address that is none: the kernel says EFAULT. */
export type PathArgument = string | number
export const badAddresses: readonly number[] = [0, 8]

export type FileType = 'fifo' | 'char' | 'directory' | 'block' | 'regular' | 'symlink' | 'socket'

const typesByMode: readonly (FileType | undefined)[] = [
  undefined, 'fifo', 'char', undefined, 'directory', undefined, 'block', undefined, 'regular', undefined, 'symlink', undefined, 'socket',
]

/** statx(2). */
export interface Stat {
  readonly type: FileType
  /** The twelve bits of chmod(2). */
  readonly mode: number
  readonly nlink: number
  readonly uid: number
  readonly gid: number
  readonly ino: number
  readonly size: number
  readonly blocks: number
  /** Of the filesystem. */
  readonly device: string
  /** Of the device that the entry stands for. */
  readonly major: number
  readonly minor: number
  /** Nanoseconds since 1970. */
  readonly atime: bigint
  readonly btime: bigint
  readonly ctime: bigint
  readonly mtime: bigint
}

export interface RawStat extends Omit<Stat, 'type' | 'device' | 'atime' | 'btime' | 'ctime' | 'mtime'> {
  readonly times: readonly [atime: string, btime: string, ctime: string, mtime: string]
  readonly device: readonly [number, number]
}

export function statOf({ times, device, ...raw }: RawStat): Stat {
  const type = typesByMode[raw.mode >> 12]
  if (type === undefined) throw new Error(`a mode of no type: ${raw.mode.toString(8)}`)
  const [atime, btime, ctime, mtime] = [BigInt(times[0]), BigInt(times[1]), BigInt(times[2]), BigInt(times[3])]
  return { ...raw, type, mode: raw.mode & 0o7777, device: device.join(':'), atime, btime, ctime, mtime }
}

/** One entry of getdents64(2). */
export interface Dirent {
  readonly name: string
  readonly ino: number
  /** Where the next one begins: a cookie. */
  readonly offset: string
  readonly type: number
}

/** struct flock; a type of 2 (F_UNLCK) says that nothing is in the way. */
export interface FoundLock {
  readonly type: number
  readonly start: number
  readonly length: number
  readonly pid: number
}

/** The value of a call that a test rests on. */
export async function must<Value>(reply: Reply<Value>): Promise<Value> {
  const value = await reply
  if (isErrno(value)) throw new Error(`a system call that the test rests on failed: ${value}`)
  return value
}

export function isErrno(value: unknown): value is Errno {
  return typeof value === 'string' && /^E[A-Z0-9]+$/.test(value)
}
