// The write-ahead log as the rest sees it: one order for data and metadata. What `append` took is in memory until
// `flush` hands it to the kernel's page cache (survives a kill -9 of the daemon), and on the disk after `sync`.

/** Log sequence number: 1, 2, 3 …; one a record, never reused within a vault's life. */
export type Lsn = number

/** Where the sealed bytes of one data extent lie; enough to read and open it in any thread. Immutable. */
export interface LogExtent {
  /** Number of the segment file. */
  readonly segment: number
  /** Position of the sealed payload (nonce ‖ ciphertext ‖ tag) in the segment file, bytes. */
  readonly position: number
  /** Plaintext bytes. */
  readonly length: number
  readonly lsn: Lsn
  /** Bound as associated data, with `ino`, `offset` and `length`. */
  readonly generation: number
  readonly ino: number
  /** File offset at which it was written, bytes. */
  readonly offset: number
}

/** Kinds of records. The body of each is encoded by the layer that owns it; the log does not look inside. */
export const recordKind = { images: 1, extent: 2, splice: 3, published: 4, mark: 5, announced: 6, heldExtent: 7, heldSplice: 8, groupEnd: 9 } as const
export type RecordKind = (typeof recordKind)[keyof typeof recordKind]
/** Those that carry data. */
export type ExtentKind = typeof recordKind.extent | typeof recordKind.heldExtent

export interface LogRecord {
  readonly lsn: Lsn
  readonly kind: RecordKind
  readonly body: Uint8Array
  /** Of a record that carries data. */
  readonly extent: LogExtent | undefined
}

/** A payload that a worker has sealed: nonce ‖ ciphertext ‖ tag, associated data as for `LogExtent`. */
export interface SealedExtent {
  readonly ino: number
  readonly offset: number
  readonly length: number
  readonly sealed: Uint8Array
}

export interface LogPort {
  /** The generation of this opening: part of what worker-sealed payloads are bound to. */
  readonly generation: number
  /** Newest appended record; 0 when there was never one. */
  readonly lastLsn: Lsn
  /** All records up to here are in the kernel's hands. */
  readonly flushedLsn: Lsn
  /** All records up to here are on the disk. */
  readonly syncedLsn: Lsn
  /** Bytes in segment files that are still needed. */
  readonly sizeBytes: number
  readonly segments: number
  /** Bytes appended since the log was opened, framing included. */
  readonly appendedBytes: number
  /** Appends a record without data. Never waits. The body is copied. */
  append(kind: RecordKind, body: Uint8Array): Lsn
  /** Appends data of at most 16 KiB, sealed on this thread. Both are copied. */
  appendExtent(kind: ExtentKind, body: Uint8Array, ino: number, offset: number, data: Uint8Array): LogExtent
  /** Appends data that a worker sealed. */
  appendSealed(kind: ExtentKind, body: Uint8Array, extent: SealedExtent): LogExtent
  /**
   * Hands all appended records to the kernel in one pwrite. Throws 'no-space' or 'io': the records stay queued and
   * are tried again at the next flush.
   */
  flush(): void
  /** Resolves when everything up to `lsn` (default: all appended) is on the disk; concurrent calls share one fdatasync. */
  sync(lsn?: Lsn): Promise<void>
  /** Records below `lsn` are needed no more; segments that hold only such are removed (or kept for reuse). */
  trim(lsn: Lsn): void
  /** Flushes, syncs and closes the files. */
  close(): Promise<void>
}
