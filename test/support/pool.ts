// A real pool over a folder of its own, with fixed keys.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KeyPage } from '../../lib/crypto/key-page.js'
import type { LogOwner } from '../../lib/format/log-record.js'
import { chunkerDefault } from '../../lib/format/vault-header.js'
import { Arena } from '../../lib/store/arena.js'
import { silent } from '../../lib/terms/log.js'
import { openPool, type Pool, type PoolOptions } from '../../lib/workers/pool.js'
import { randomBytes } from './random-bytes.js'

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
