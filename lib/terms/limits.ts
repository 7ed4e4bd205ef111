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
  /** Share from which on even a file whose chunks are being cut is spilled, when one cut takes longer than this. */
  arenaFullShare: 0.75,
  streamLagMs: 500,
  /** Dirty bytes of a file that is being cut at which its writer waits: at 80 MB/s none is half a second old, and spilled. */
  streamAheadBytesMax: 40 * MiB,
  /** One data record of the log: a 4 KiB read opens no more than this. */
  extentBytesMax: 64 * KiB,
  /** File data that the thread that answers the kernel may seal at a time (10 µs). */
  mainSealBytesMax: 16 * KiB,
  /** For so long the second part of a write may be on its way from the kernel. */
  restOfWriteMs: 250,
  /** Nothing written is only in memory for longer (promise 1). */
  dirtyMs: 1000,
  /** Contiguous dirty bytes from which a file's chunks are cut while it is still being written. */
  streamBytesMin: 12 * MiB,

  // publishing
  quietMs: 5000,
  hotMs: 5 * 60 * 1000,
  /** A trickle of small changes is told in batches: each round costs some syncs. */
  betweenRoundsMs: 5000,
  /** The log publishes everything when it holds more than this; at twice of it writers wait. */
  logBytesMax: 512 * MiB,
  /** Size at which a segment of the log is followed by the next: trimming is this coarse, a spare one costs this much room. */
  logSegmentBytes: 64 * MiB,
  /** Share of a segment that stays at a clean end though nobody needs it: the next opening reads it. */
  logRestShare: 1 / 64,
  /** Appended records that wait for the kernel to take them; while the disk refuses, appends are refused past it. */
  logBatchBytesMax: 8 * MiB,
  /** Body of one record: its head is sealed, held and opened in one piece. */
  logBodyBytesMax: 4 * MiB,
  /** Bytes of content that one step of publishing holds at a time. */
  publishBytesMax: 16 * MiB,
  publishFilesMax: 64,
  /** Files whose content is announced together. */
  publishGroupMax: 256,
  /** Entries and names told by one announcement: what the thread does in one go. */
  announceMax: 1024,
  /** Of the operations of one manifest entry. */
  manifestEntryBytesMax: 4 * MiB,

  // the disk of the store
  /** What is kept free of it for changes that give room back, and the share of a small disk. */
  roomReserveBytes: 32 * MiB,
  roomReserveShare: 0.05,
  roomLookMs: 100,
  /** What the disk said counts for so long. */
  roomKnownMs: 10,
  /** From here on it is not looked at closely. */
  roomAmpleBytes: 1024 * MiB,
  /** For so long a change waits for room that publishing makes. */
  roomWaitMs: 30_000,
  /** A segment of the log is at most this share of the disk, and at least so many bytes. */
  logSegmentShare: 1 / 64,
  logSegmentBytesMin: 4 * MiB,

  // content
  inlineBytesMax: 2 * KiB,
  /** Runs in the entry itself; more go to pages of a tree. */
  inlineRunsMax: 16,
  /** Of one splice record: about 130 bytes each, below `logBodyBytesMax`. */
  splicePartsMax: 16_384,
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
  /** By a daemon that takes over: far more than can have been given to entries that never came into the log. */
  inosSkipped: 1_000_000,
  /** What entries take that were read from the catalog and stay decoded: some ten thousand with little of their own. */
  cachedEntriesBytes: 8 * MiB,
  cachedContentsMax: 4096,
  listBatch: 256,
  /** Changes after which a generation goes to the catalog at once, and after which changes wait for that. */
  generationChanges: 8192,
  generationChangesMax: 65536,
  applyMs: 1000,
  catalogSliceMs: 2,
  catalogCacheBytes: 24 * MiB,
  /** Of its file, read at a mount before anybody asks: about 40 000 entries. More would take a disk from what is asked for. */
  catalogWarmBytes: 32 * MiB,

  // the past
  /** How long a question about the past waits for what is being read anew. */
  historyWaitMs: 10_000,
  /** Work after which the history thread looks whether somebody asks. */
  historySliceMs: 20,
  /** Of each of its two connections. */
  historyCacheBytes: 6 * MiB,
  /** While everything is folded at once. */
  historyRebuildCacheBytes: 96 * MiB,
  /** Manifest operations folded in one transaction, about. */
  historyBatchOperations: 20_000,
  /** Operations after which, at the least, the whole state is told again. */
  stateOperationsMin: 20_000,
  /** Pages that one page above them refers to. */
  statePagesBelow: 256,
  /** Names of a directory in the past that one answer lists. */
  historyListMax: 2048,
  /** Names that the mount asks for at a time, and those that it keeps: listings under way, and what follows on them. */
  pastListBatch: 256,
  pastDirentsMax: 16_384,
  /** Versions of entries that the mount keeps decoded, and contents that are being read. */
  pastEntriesMax: 16_384,
  pastContentsMax: 512,
  /** Moments, and directories at moments, that the mount remembers from having entered them. */
  pastMomentsMax: 1024,
  /** Directories of the past from which on it is looked whether the kernel still has them all. */
  pastPlacesSwept: 4096,
  /** Moments in `.versions` that are kept only because they are recent: the others can be opened by name. */
  versionsRecentListed: 1000,
  /** Names that one search through all of history answers. */
  foundNamesMax: 100_000,
  /** Versions of a file that are asked for at once. */
  versionsBatch: 256,
  /** Versions of one path that are shown. */
  versionsMax: 10_000,
  /** Content that one record names again when a file is restored. */
  restoreCopyBytes: 256 * MiB,
  /** How often what is about to be replaced is published once more, because somebody wrote to it meanwhile. */
  restoreAttemptsMax: 5,

  /** Damaged files and folders that `status` names. */
  damageMetMax: 64,

  // verifying
  /** Versions of one file that are told of by name when they are damaged; the others are counted. */
  verifiedVersionsTold: 20,
  /** Rows of one database that are told of when they differ from the manifest; the others are counted. */
  verifiedRowsTold: 20,
  /** Contents (of up to 64 KiB each), blobs and rows that are taken from a database at a time. */
  verifyContentsBatch: 128,
  verifyBlobsBatch: 256,
  verifyRowsBatch: 512,
  /** Rows that differ and are looked at again together: what the main thread is asked about in one go. */
  verifyCandidatesMax: 1024,
  /** How often it is told how far it is. */
  verifyProgressMs: 250,

  // workers and the blob cache
  /** One request to read; the kernel asks for no more. */
  readBytesMax: MiB,
  /** Room for answers of that size, and for those of at most 64 KiB, which are most. */
  readSlots: 8,
  smallReadSlots: 64,
  /** Two frames of a blob: a page may lie in both. */
  readAroundBytesMax: 128 * KiB,
  /** Room for sealed extents on their way to the log. */
  sealSlots: 8,
  /** Plaintext that one call of `cut` may bring. */
  cutBytesMax: 32 * MiB,
  /** Plaintext that one worker keeps for cuts that are not stored yet; further ones wait. */
  heldBytesMax: 32 * MiB,
  /** Sealed bytes that a worker gathers before it writes them. */
  appendBytesWished: 4 * MiB,
  /** A file of sealed blobs ends here: large enough for few files, small enough to be gone when its blobs are. */
  blobSegmentBytesMax: 256 * MiB,
  /** Descriptors of blob and log segments that one thread keeps open. */
  segmentsOpenMax: 64,
  /** Tables of blobs that one thread keeps verified (at most 6 KiB each). */
  blobTablesMax: 1024,
  /** Opened pieces of 64 KiB that one reading thread keeps. */
  openedFramesMax: 160,
  /** Of the cache's index. */
  indexCacheBytes: 8 * MiB,
  /** Pages (4 KiB) that the log of the cache's index may grow to, about, before it is copied into the database. */
  checkpointPages: 4096,

  // carrying to nodes
  /** Blobs asked for at once, and among which those that are sent are shuffled. */
  syncBatch: 4096,
  /** Of blobs, and of entries, in one request. */
  syncPutBytes: 8 * MiB,
  syncEntryBytes: 8 * MiB,
  /** Requests with blobs that are on their way to one node. */
  syncPutsAtOnce: 3,
  /** While ever more is published, entries wait for the blobs of those that came meanwhile, but no longer. */
  syncEntriesMs: 5000,
  /** For so many days a node's word that it has a blob counts. */
  syncHeldDays: 30,
  /** Days between two looks through all that a node has; a page of it at most so often. */
  syncSweepDays: 7,
  syncSweepMs: 60_000,
  /** A node that has everything is asked for its heads so often. */
  syncIdleMs: 10 * 60 * 1000,
  syncRetryMsMin: 1000,
  syncRetryMsMax: 10 * 60 * 1000,
  /** With something new a node that failed is tried again after so long at the latest. */
  syncRetryNewMs: 30_000,
  /** A node that asks for patience gets it for so long at most: it may be wrong about itself, or gone mad. */
  syncRetryAfterMsMax: 60 * 60 * 1000,
  /** A node that goes back a second time within so long is believed no more. */
  syncFaultSec: 24 * 3600,
  /** A blob that can't be read here counts as damaged when it still can't after so long. */
  syncDamageMs: 60_000,
  /** How often the thread tells how far it is. */
  syncReportMs: 250,
  /** `sync --wait` gives up when nothing moved for so long. */
  syncStallMs: 60_000,
  /** Questions to the thread that somebody waits for, its end, and before it is begun anew when it died. */
  syncAnswerMs: 2000,
  syncEndMs: 5000,
  syncAgainMs: 60_000,
  /** Blobs of one file whose state is asked for: of larger ones it is not told. */
  fileStateBlobsMax: 65_536,
  /** Pages of the index of what nodes hold in that database's own log, about, before it is copied. */
  syncCheckpointCommits: 256,

  /** How often it is looked which memory for data on its way has not been used. */
  idleMemoryMs: 1000,

  // formats (FORMAT.md): what a reader refuses, so that bytes from elsewhere can't cost more than they should
  /** Plaintext of one blob: twice the largest chunk. */
  blobPlainBytesMax: 16 * MiB,
  headerBytesMax: 64 * KiB,
  /** Rows of the key page, and revocations in a vault's life. */
  keyEpochsMax: 64,
  /** More keys than anybody has. */
  keySlotsMax: 32,
  keySlotLabelBytesMax: 64,
  keySlotParametersBytesMax: 256,
  /** A passphrase, not a document. */
  passphraseBytesMax: 4096,
  memberNameBytesMax: 255,
  memberRecordBytesMax: 512,
  /** Of one manifest entry, padded; the publisher cuts at `manifestEntryBytesMax`. */
  entryBodyBytesMax: 16 * MiB,
  operationBytesMax: 2 * MiB,
  attributesBytesMax: MiB,
  /** Runs in the entry itself, or inline bytes. */
  contentReferenceBytesMax: 64 * KiB,
  /** Nodes that one store knows: more copies than anybody keeps. */
  peersMax: 64,
  /** Of what a person calls a node. */
  peerNameBytesMax: 100,
  /** Where one node may be reached, and of each of these (a host's name has 253 bytes at most). */
  peerPlacesMax: 8,
  peerPlaceBytesMax: 280,
  /** Blobs, and about how many bytes of them, that one question to a node is for; and such questions to one node at a time. */
  fetchBlobsMax: 256,
  fetchBytesWished: 8 * MiB,
  fetchesMax: 4,
  /** What came is made durable so many bytes at a time: each costs two syncs. */
  fetchFlushBytes: 16 * MiB,
  /** Room that a recovered store needs, by the bytes of its blobs. */
  recoverRoomShare: 1.05,
  /** Contents that one content replaces: versions that were in conflict. */
  contentBasesMax: 1024,
  /** Devices that a vault has ever seen. */
  dependenciesMax: 1024,
  snapshotNameBytesMax: 255,
  /** Names that one `forget` drops. */
  snapshotsDroppedMax: 1024,

  // the daemon and its commands
  /** A line of the control socket: a status report takes a few KiB. */
  controlLineBytesMax: 256 * KiB,
  /** A person with a few terminals and a web page; more is a fault. */
  controlConnectionsMax: 32,
  /** Of a vault: a folder's name on all systems, and a word in /proc/mounts. */
  vaultNameLengthMax: 100,
  /** The daemon's log file; four older ones are kept beside it. */
  daemonLogBytesMax: 4 * MiB,
  daemonLogPredecessorsMax: 4,
  /** Lines that wait for the mount to come up before they go to the file. */
  daemonLogEarlyLinesMax: 1000,
  /** What is typed at a prompt, or in a file of a passphrase or kit; more is a paste gone wrong. */
  secretBytesMax: 4096,
  /** A daemon that publishes its last after its mount is gone is waited for by the next. */
  storeLockWaitMs: 60_000,
} as const
