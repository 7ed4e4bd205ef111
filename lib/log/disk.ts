// The little that the log wants of a disk, so that tests can hand it one that records, fails and loses power. Calls that
// may wait for the disk itself are asynchronous; what ends in the kernel's page cache is not.

/** One open segment file. Errors are ErrnoExceptions. */
export interface LogFile {
  readonly sizeBytes: number
  /** Writes all of `bytes` from `offset` to `offset + length`, or throws (then any part of it may be written). */
  pwrite(bytes: Uint8Array, offset: number, length: number, position: number): void
  /** Fills `into` from `position`; answers the bytes read, fewer only at the end of the file. */
  pread(into: Uint8Array, position: number): number
  /** Everything that pwrite took before this call is on the disk when it resolves. */
  datasync(): Promise<void>
  /** Sets room aside so that pwrite below `sizeBytes` does not run out of it. May do nothing. */
  preallocate(sizeBytes: number): Promise<void>
  /** Gives back what lies behind `sizeBytes`. */
  truncate(sizeBytes: number): void
  close(): void
}

/** One directory that belongs to the log alone. */
export interface LogDisk {
  /** Where it lies, for messages. */
  readonly directory: string
  list(): readonly string[]
  /** `create`: it must not exist yet. */
  open(name: string, create: boolean): LogFile
  rename(from: string, to: string): void
  remove(name: string): void
  /** Files made, renamed and removed before this call are so on the disk when it resolves. */
  syncDirectory(): Promise<void>
  close(): void
}

export function segmentName(segment: number): string {
  return `${String(segment).padStart(12, '0')}.log`
}

/** Undefined: not a segment (a spare one, or something of somebody else's). */
export function segmentOfName(name: string): number | undefined {
  const digits = /^(\d{12,16})\.log$/.exec(name)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

/** A file that waits to become a segment: set aside ahead of time, or a segment that is needed no more. */
export function spareName(index: number): string {
  return `spare-${String(index)}.log`
}

export function isSpareName(name: string): boolean {
  return /^spare-\d+\.log$/.test(name)
}
