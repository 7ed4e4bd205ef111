// A state that is damaged on the disk: found when it is opened wherever that is, or later; and then there is a new one.
import t from 'tap'
import { closeSync, existsSync, fstatSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SyncState } from '../../../lib/sync/state.js'
import type { BlobId } from '../../../lib/terms/bytes.js'
import { VaultError } from '../../../lib/terms/errors.js'
import { openPlain } from '../../../native-deps/sqlite.js'
import { randomBytes } from '../../support/random-bytes.js'

const folder = mkdtempSync(join(tmpdir(), 'vaultfs-state-'))
t.teardown(() => { rmSync(folder, { recursive: true }) })
const blobs = Array.from({ length: 3000 }, (_, index) => randomBytes(index, 32) as Uint8Array as BlobId)

/** From there on. */
function damage(path: string, from: number): void {
  const file = openSync(path, 'r+')
  writeSync(file, randomBytes(1, fstatSync(file).size - from), 0, null, from)
  closeSync(file)
}

function filled(path: string): { readonly state: SyncState; readonly peer: number } {
  const state = SyncState.open(path)
  const peer = state.peerOf(randomBytes(1, 8), 1)
  state.confirm(peer, blobs, 20_000)
  return { state, peer }
}

t.test('damage far from the beginning is found when it is opened', (t) => {
  const path = join(folder, '1.db')
  filled(path).state.close()
  const reasons: string[] = []
  const anew = (reason: string): void => { reasons.push(reason) }
  SyncState.open(path, { anew }).close()
  t.same(reasons, [], 'a whole one stays')
  damage(path, 64 * 1024)
  const state = SyncState.open(path, { anew })
  t.equal(reasons.length, 1)
  t.ok(blobs.every((blobId) => state.heldBy(blobId).length === 0))
  state.confirm(state.peerOf(randomBytes(1, 8), 1), blobs, 20_000)
  state.close()
  SyncState.open(path, { anew }).close()
  t.equal(reasons.length, 1, 'the new one is whole')
  t.end()
})

t.test('so is an index that does not say what its table says', (t) => {
  const path = join(folder, '2.db')
  filled(path).state.close()
  const other = openPlain(path, { readOnly: true })
  const [page = 0] = other.prepare<[], number>("SELECT rootpage FROM sqlite_schema WHERE name = 'sqlite_autoindex_peers_1'", 'first').all()
  const pageBytes = Number(other.pragma('page_size'))
  other.close()
  const bytes = readFileSync(path)
  const at = bytes.indexOf(randomBytes(1, 8), (page - 1) * pageBytes)
  t.ok(page > 0 && at >= 0 && at < page * pageBytes, 'its key')
  // Another node's id: the page is as whole as before.
  bytes.set(randomBytes(2, 8), at)
  writeFileSync(path, bytes)
  let anew = 0
  const state = SyncState.open(path, { anew: () => { anew++ } })
  t.equal(anew, 1)
  t.ok(state.peerOf(randomBytes(1, 8), 1) > 0)
  state.close()
  t.end()
})

t.test('damage that is met later is told once, and the next begins anew', (t) => {
  const path = join(folder, '3.db')
  const errors: VaultError[] = []
  filled(path).state.close()
  const state = SyncState.open(path, { damaged: (error) => { errors.push(error) } })
  // What was read is forgotten when another connection has written.
  const other = openPlain(path)
  other.exec('UPDATE peers SET lost = 1')
  damage(path, 64 * 1024)
  for (let time = 0; time < 2; time++) t.throws(() => { for (const blobId of blobs) state.heldBy(blobId) }, { code: 'corrupt' })
  t.match(errors, [{ code: 'corrupt' }])
  t.equal(errors.length, 1)
  t.notOk(existsSync(path))
  state.close()
  other.close()
  const next = SyncState.open(path, { anew: () => { t.fail('there is nothing that could be damaged') } })
  t.equal(next.lost(next.peerOf(randomBytes(1, 8), 1)), 0)
  next.close()
  t.end()
})
