// A real pool over a folder of its own, with fixed keys; and the plainest ways to store and read.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KeyPage } from '../../lib/crypto/key-page.js'
import type { BlobReference } from '../../lib/format/blob-reference.js'
import type { LogOwner } from '../../lib/format/log-record.js'
import { chunkerDefault } from '../../lib/format/vault-header.js'
import { Arena } from '../../lib/store/arena.js'
import type { Piece } from '../../lib/store/content-piece.js'
import type { Cut, CutRequest } from '../../lib/store/pool-port.js'
import { silent } from '../../lib/terms/log.js'
import { openPool, type Pool, type PoolOptions } from '../../lib/workers/pool.js'
import { randomBytes } from './random-bytes.js'

export const MiB = 1024 * 1024

export interface PoolFolder {
  readonly directory: string
  readonly arena: Arena
  readonly page: KeyPage
  readonly owner: LogOwner
  open(changes?: Partial<PoolOptions>): Promise<Pool>
  remove(): void
}

export function poolFolder(parent = tmpdir()): PoolFolder {
  const directory = mkdtempSync(join(parent, 'vaultfs-pool-'))
  mkdirSync(join(directory, 'log'))
  const page = KeyPage.create()
  for (const [index, name] of (['id', 'page-id', 'chunker', 'log'] as const).entries()) page.set(name, randomBytes(100 + index, 32))
  page.addEpoch(1, (name, out) => { out.set(randomBytes(name.length + 200, 32)) })
  const arena = new Arena(64 * 1024 * 1024)
  const owner = { vault: randomBytes(1, 32), device: randomBytes(2, 16) }
  return {
    directory, arena, page, owner,
    open: (changes = {}) => openPool({
      cacheDirectory: join(directory, 'cache'), logDirectory: join(directory, 'log'), keyPage: page.shared,
      arena: arena.shared, vault: owner.vault, device: owner.device, chunker: chunkerDefault, bulkThreads: 2, logger: silent, ...changes,
    }),
    remove: () => { rmSync(directory, { recursive: true, force: true }) },
  }
}

export function memory(position: number, length: number): Piece {
  return { kind: 'memory', position, length }
}

export function requestOf(pieces: readonly Piece[], changes: Partial<CutRequest> = {}): CutRequest {
  return { pieces, length: pieces.reduce((sum, piece) => sum + piece.length, 0), final: true, boundaries: [], resumeAfter: 0, ...changes }
}

export async function cutOne(pool: Pool, request: CutRequest): Promise<Cut> {
  const [cut] = await pool.cut([request])
  if (cut === undefined) throw new Error('no cut')
  return cut
}

export function chunkIndexes(cut: Cut): number[] {
  return cut.runs.flatMap((run, index) => (run.kind === 'chunk' ? [index] : []))
}

export async function store(pool: Pool, folder: PoolFolder, bytes: Uint8Array): Promise<readonly BlobReference[]> {
  folder.arena.bytes.set(bytes, 0)
  const cut = await cutOne(pool, requestOf([memory(0, bytes.byteLength)]))
  return cut.store(chunkIndexes(cut))
}

export function sameBytes(found: Uint8Array, wanted: Uint8Array | undefined): boolean {
  return wanted !== undefined && Buffer.compare(found, wanted) === 0
}

export async function readAll(pool: Pool, pieces: readonly Piece[]): Promise<Uint8Array> {
  const lease = await pool.read(pieces)
  const bytes = new Uint8Array(lease.bytes)
  lease.release()
  return bytes
}

/** What `pieces` say, by the plainest means. */
export async function readBlobs(pool: Pool, references: readonly BlobReference[]): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for (const reference of references) {
    for (let skip = 0; skip < reference.plainLength; skip += MiB) {
      parts.push(await readAll(pool, [{ kind: 'blob', reference, skip, length: Math.min(MiB, reference.plainLength - skip) }]))
    }
  }
  return new Uint8Array(Buffer.concat(parts))
}
