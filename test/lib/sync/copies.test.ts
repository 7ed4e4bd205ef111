// Counts of copies that are kept true step by step, against counting all of it: random confirmations, losses, new blobs,
// days that pass, nodes that are trusted no more, and an index that was made anew under the counts.
import t from 'tap'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Copies, type Amount } from '../../../lib/sync/copies.js'
import { SyncState } from '../../../lib/sync/state.js'
import type { BlobId } from '../../../lib/terms/bytes.js'
import { limits } from '../../../lib/terms/limits.js'
import { numbers, randomBytes } from '../../support/random-bytes.js'
import { MemoryBlobs } from './sync-world.js'

const folder = mkdtempSync(join(tmpdir(), 'vaultfs-copies-'))
t.teardown(() => { rmSync(folder, { recursive: true }) })
const steps = 150

for (const seed of [1, 2, 3]) {
  t.test(`against counting all of it, seed ${seed}`, async (t) => {
    const random = numbers(seed)
    const some = (max: number): number => Math.floor(random() * max)
    const state = SyncState.open(join(folder, `${seed}.db`))
    const source = new MemoryBlobs()
    let today = 20_000
    const peers = [1, 2, 3].map((peer) => state.peerOf(randomBytes(peer, 8), 1))
    let trusted = peers.slice(0, 2)
    const copies = new Copies({ state, source, today: () => today, breathe: () => Promise.resolve() })
    copies.setPeers(peers, trusted)
    let next = seed * 1000
    const sample = (): readonly BlobId[] => {
      const here = source.rows.filter(() => random() < 0.3).map(({ blobId }) => blobId)
      // One that is not here: a node may have more than we do.
      return random() < 0.3 ? [...here, randomBytes(some(5), 32) as Uint8Array as BlobId] : here
    }
    for (let step = 0; step < steps; step++) {
      const peer = peers[some(peers.length)] ?? 0
      const what = random()
      if (what < 0.3) for (let more = some(4); more >= 0; more--) source.add(next++)
      else if (what < 0.6) copies.confirm(peer, sample())
      else if (what < 0.75) copies.lose(peer, sample().filter((blobId) => copies.heldSince(peer, blobId) !== 'never'))
      else if (what < 0.85) today += some(limits.syncHeldDays)
      else if (what < 0.9) {
        trusted = peers.filter(() => random() < 0.6)
        copies.setPeers(peers, trusted)
      } else if (what < 0.95) source.rows = source.rows.map((row, index) => ({ ...source.rows[source.rows.length - 1 - index] ?? row, position: index + 1 }))
      else source.rows.splice(source.rows.length - some(3))
      if (random() < 0.3) continue
      await copies.advance()
      t.same(picture(copies, peers), counted(), `step ${step}`)
    }
    state.close()

    function counted(): unknown {
      const holds = (peer: number, blobId: BlobId): boolean => state.heldBy(blobId).some((held) => held.peer === peer && today - held.day < limits.syncHeldDays)
      const sum = (which: (blobId: BlobId) => boolean): Amount => {
        const rows = source.rows.filter(({ blobId }) => which(blobId))
        return { blobs: rows.length, bytes: rows.reduce((bytes, { length }) => bytes + length, 0) }
      }
      return {
        counted: sum(() => true), safe: sum((blobId) => trusted.some((peer) => holds(peer, blobId))),
        left: peers.map((peer) => sum((blobId) => !holds(peer, blobId))),
      }
    }
  })
}

function picture(copies: Copies, peers: readonly number[]): unknown {
  return { counted: { ...copies.counted }, safe: { ...copies.safe }, left: peers.map((peer) => ({ ...copies.left(peer) })) }
}
