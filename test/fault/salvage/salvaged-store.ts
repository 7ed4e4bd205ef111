// Salvaging the store of a test's vault, and what came of it: every byte of every file, and what was told.
import { createHash } from 'node:crypto'
import { lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { salvageStore, type Salvage } from '../../../lib/vault-salvage.js'
import type { SalvageProblem, SalvageSummary } from '../../../lib/vault-salvage-report.js'
import { testKeys } from '../../support/open-vault.js'
import { TestClock } from '../../support/test-clock.js'

export interface Salvaged {
  readonly summary: SalvageSummary
  readonly problems: readonly SalvageProblem[]
  /** Without notes. */
  readonly hurt: readonly string[]
  /** By path below the folder: kind, mode, time, and the content's size and hash. */
  readonly picture: Readonly<Record<string, string>>
  bytes(path: string): Buffer
  remove(): void
}

export async function salvaged(store: string, wish: Partial<Salvage> = {}): Promise<Salvaged> {
  const { page, header } = await testKeys()
  const out = mkdtempSync(join(tmpdir(), 'vaultfs-salvaged-'))
  const problems: SalvageProblem[] = []
  const before = fingerprint(store)
  const summary = await salvageStore({ store, out, page, vaultId: header.vaultId, clock: new TestClock(), at: { kind: 'now' }, allVersions: false, paths: [], ...wish }, {
    onProblem: (problem) => { problems.push(problem) }, onProgress: () => undefined, signal: new AbortController().signal,
  }).catch((error: unknown) => {
    rmSync(out, { recursive: true })
    throw error
  })
  if (fingerprint(store) !== before) throw new Error('the store was changed')
  return {
    summary, problems, picture: pictureOf(out, ''), remove: () => { rmSync(out, { recursive: true }) },
    hurt: problems.filter(({ kind }) => kind !== 'note').map(({ kind, path }) => `${kind} ${path ?? '-'}`).sort(),
    bytes: (path) => readFileSync(join(out, path)),
  }
}

function pictureOf(folder: string, path: string, into: Record<string, string> = {}): Record<string, string> {
  const at = join(folder, path)
  const { mode, mtimeMs, size } = lstatSync(at)
  const type = mode & 0o170000
  if (type === 0o100000) into[path] = `file ${(mode & 0o7777).toString(8)} ${Math.round(mtimeMs)} ${size} ${createHash('sha256').update(readFileSync(at)).digest('hex')}`
  else if (type === 0o120000) into[path] = `link ${readlinkSync(at)}`
  else {
    into[path] = 'folder'
    for (const name of readdirSync(at).sort()) pictureOf(folder, path === '' ? name : `${path}/${name}`, into)
  }
  return into
}

/** Names, sizes, times and bytes of everything. */
function fingerprint(folder: string): string {
  const hash = createHash('sha256')
  for (const name of readdirSync(folder, { recursive: true, withFileTypes: true }).filter((item) => item.isFile()).map((item) => join(item.parentPath, item.name)).sort()) {
    const { size, mtimeMs } = statSync(name)
    hash.update(`${name} ${size} ${mtimeMs} `)
    // Mostly holes.
    if (!name.endsWith('.log')) hash.update(readFileSync(name))
  }
  return hash.digest('hex')
}
