// Every limit of a node, with its reason: who it keeps things for is known by key, but may have been broken into. Sizes of
// bodies stand with their routes (lib/wire/routes.ts).

const KiB = 1024
const MiB = 1024 * KiB

/** How long slow clients are waited for; tests wait less. */
export interface Patience {
  /** For a whole head, and for the next one after an answer. */
  readonly headMs: number
  readonly idleMs: number
  /** Over so long the least rate is measured. */
  readonly spanMs: number
}

export const patience: Patience = { headMs: 20_000, idleMs: 75_000, spanMs: 20_000 }

export const nodeLimits = {
  // who may connect
  /** Sockets in all, and those of one key: a client needs a few. */
  connectionsMax: 256,
  connectionsPerKeyMax: 16,
  /** Sockets that have not shown their key yet: strangers cost a handshake each. */
  handshakesMax: 64,
  handshakesPerAddressMax: 12,
  handshakeMs: 10_000,
  /** Sockets of strangers while an invitation is open. */
  strangersMax: 8,
  /** So long a stranger has for its one request. */
  strangerMs: 30_000,

  // what they send
  /** A head of a request. */
  headBytesMax: 8 * KiB,
  /** Bodies and answers that come or go slower than this, over the span of `patience`, are given up: the memory is needed. */
  bytesPerSecondMin: 2 * KiB,
  /** Answers are handed to the socket so many bytes at a time, more where they go quickly: a few KiB a second are seen to go in `answerSpans` even then. */
  sliceBytesMin: 16 * KiB,
  sliceBytesMax: 256 * KiB,
  /** The kernel says that it takes more only when a third of its buffer (4 MiB) has gone: who reads 17 KiB a second is seen to read in so many spans. */
  answerSpans: 4,
  /** A body up to here lies in memory of its own; larger ones wait for one of the places. */
  smallBodyBytesMax: 64 * KiB,
  bodyPlaces: 4,
  bodyPlacesPerVault: 3,
  /** So long a request waits for a place, or for room for its answer, then it is told to come back. */
  placeWaitMs: 20_000,
  /** Bytes of answers in memory, about. */
  answerBytesMax: 64 * MiB,
  answerBytesPerVaultMax: 48 * MiB,
  /** Of one answer with several blobs; what is beyond is asked for again. */
  framesAnswerBytes: 8 * MiB + 256 * 36,
  /** Places for answers that are kept for the next ones: a client has four questions open. */
  answerPlacesKept: 6,
  /** Requests of one key: so many at once, then so many a second. */
  requestsBurst: 400,
  requestsPerSecond: 200,
  /** Requests of one key that are being answered. */
  requestsAtOncePerKey: 32,

  /** Of the plain listener for metrics. */
  metricsConnectionsMax: 16,

  /** Blobs of one body: the smallest there are, and no space between them. */
  blobsPerPutMax: 8192,
  /** Of one body: more than the smallest of 8 MiB, which is what a client sends at once. */
  entriesPerAppendMax: 16_384,
  /** What is hashed or verified before somebody else's turn: bytes of blobs, and entries. */
  checkedBytesAtOnce: 4 * MiB,
  checkedEntriesAtOnce: 64,

  // what is known
  /** One document: vaults, members, invitations. */
  vaultsMax: 256,
  membersPerVaultMax: 1024,
  revocationsPerVaultMax: 1024,
  invitationsMax: 16,
  invitationFailuresMax: 5,
  /** How often a node looks whether another process changed what it knows. */
  accessPollMs: 2000,
  /** A change that others overtake is tried again. */
  changeAttempts: 20,

  // headers
  /** A device brings another when a key changes. Each is written down several times. How many are kept: lib/wire/kept-headers.ts. */
  headersPerDayMax: 4,

  // deletion
  /** Intents that wait, of one vault. */
  deletionsMax: 64,
  /** Blobs that they mark together: they are held in memory. */
  markedBlobsMax: 256 * 1024,
  /** By the node's clock: an older intent, or one from the future, is refused; ended ones are remembered as long. */
  deletionAgeMaxSec: 7 * 24 * 3600,
  deletionTickMs: 60_000,
  /** Blobs removed in one step, between which others are answered. */
  deletionBatch: 2048,
  /** A removal that was begun so long ago was broken off. */
  removalTakenOverSec: 600,

  // storage
  /** Page caches: of the node's database, and of the index of each vault. */
  databaseCacheBytes: 4 * MiB,
  indexCacheBytes: 2 * MiB,
  databaseBusyMs: 10_000,
  /** Entries of a chain that are passed over to find one. */
  chainPlacesEvery: 64,
  /** What blobs leave free of the disk, at most a share of it: chains, revocations and deletions must still be written down. */
  diskReserveBytes: 64 * MiB,
  diskReserveShare: 0.05,
  /** How exactly it is known when a blob came. */
  arrivalSec: 3600,
  /** Pages that the database's own log may grow to. */
  checkpointPages: 2048,
  /** The answer to one request for entries, but for one that is longer, and the default. */
  entriesBytesMax: 8 * MiB,
  /** Counted bytes of a day are written down at most so often. */
  accountMs: 2000,
} as const
