// A real pool over a folder of its own, with fixed keys.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KeyPage } from '../../lib/crypto/key-page.js'
import { Arena } from '../../lib/store/arena.js'
import { openPool, type Pool, type PoolOptions } from '../../lib/workers/pool.js'
import { randomBytes } from './random-bytes.js'

export const poolEntry = new URL('../../lib/vault-worker.js', import.meta.url)

export interface PoolFolder {
  readonly directory: string
  readonly arena: Arena
  readonly page: KeyPage
  readonly vault: Uint8Array
  readonly device: Uint8Array
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
  const vault = randomBytes(1, 32)
  const device = randomBytes(2, 16)
  return {
    directory, arena, page, vault, device,
    open: (changes = {}) => openPool({
      entry: poolEntry, cacheDirectory: join(directory, 'cache'), logDirectory: join(directory, 'log'), keyPage: page.shared,
      arena: arena.shared, vault, device, bulkThreads: 2, ...changes,
    }),
    remove: () => { rmSync(directory, { recursive: true, force: true }) },
  }
}
