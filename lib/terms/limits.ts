// Every limit, with its reason. Nothing in VaultFS grows without one.

const KiB = 1024
const MiB = 1024 * KiB

export const limits = {
  // names and files (POSIX, the kernel's own)
  nameBytesMax: 255,
  symlinkBytesMax: 4095,
  xattrNameBytesMax: 255,
  xattrValueBytesMax: 64 * KiB,
  /** All xattrs of one entry: they are logged and stored as one record. */
  xattrsBytesMax: 256 * KiB,
  linksMax: 65000,
  /** Sparse; offsets stay far below 2^53. */
  fileBytesMax: 16 * 1024 * 1024 * MiB,

  // dirty data
  /** Memory for what was written and is neither logged nor stored; writers wait when it is full. */
  arenaBytes: 64 * MiB,
  /** Share of the arena from which on dirty data is spilled to the log, oldest first. */
  arenaSpillShare: 0.25,
  /** Share from which on even a file whose chunks are being cut is spilled. */
  arenaFullShare: 0.75,
  /** One data record of the log: a 4 KiB read opens no more than this. */
  extentBytesMax: 64 * KiB,
  /** File data that the thread that answers the kernel may seal at a time (10 µs). */
  mainSealBytesMax: 16 * KiB,
  /** Nothing written is only in memory for longer (promise 1). */
  dirtyMs: 1000,
  /** Contiguous dirty bytes from which a file's chunks are cut while it is still being written. */
  streamBytesMin: 12 * MiB,

  // publishing
  quietMs: 5000,
  hotMs: 5 * 60 * 1000,
  /** The log publishes everything when it holds more than this. */
  logBytesMax: 512 * MiB,
  /** Bytes of content that one step of publishing holds at a time. */
  publishBytesMax: 24 * MiB,
  publishFilesMax: 64,
  /** Operations of one manifest entry: its body stays below about 2 MiB. */
  operationsMax: 8192,

  // content
  inlineBytesMax: 2 * KiB,
  /** Runs in the entry itself; more go to pages of a tree. */
  inlineRunsMax: 16,
  pageRunsMax: 512,
  /** A page is cut at this many runs, or from the lesser number on where the content says so. */
  pageRunsWished: 256,
  pageRunsMin: 32,
  pagesCachedMax: 256,
  /** A hole of this size and more forces a cut and is not stored. */
  holeBytesMin: 64 * KiB,
  /** How far past an edit content is cut again while no old boundary is met. */
  recutBytesMax: 16 * MiB,

  // the tree in memory
  cachedEntriesMax: 32768,
  cachedContentsMax: 4096,
  listBatch: 256,
  /** Changes after which a generation goes to the catalog at once, and after which changes wait for that. */
  generationChanges: 8192,
  generationChangesMax: 65536,
  applyMs: 1000,
  catalogSliceMs: 2,
  catalogCacheBytes: 32 * MiB,
} as const
