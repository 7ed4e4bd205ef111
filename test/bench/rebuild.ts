// How long `vaultfs rebuild` takes: `node dist/test/bench/rebuild.js [entries]` (1 000 000 by default) writes a manifest
// that tells of so many files in folders of a hundred, then rebuilds and says what each phase took.
import { mkdirSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { encodeContent } from '../../lib/content/content-reference.js'
import { attributeBytes } from '../../lib/content/operations.js'
import type { Operation } from '../../lib/format/operations.js'
import type { EntryId } from '../../lib/terms/bytes.js'
import { modeType, newEntry, rootIno } from '../../lib/tree/entry.js'
import { Chain } from '../../lib/vault-chain.js'
import type { RebuildProgress } from '../../lib/vault-rebuild.js'
import { newFolder, owner, rebuildTestStore, removeFolder, testKeys } from '../support/open-vault.js'
import { seededEntropy } from '../support/seeded-entropy.js'
import { TestClock } from '../support/test-clock.js'

const wanted = Number(process.argv[2] ?? 1_000_000)
const perFolder = 100
const entriesPerOperationBatch = 1000
const entropy = seededEntropy(3)
const id = (): EntryId => entropy.bytes(16) as Uint8Array as EntryId
const now = { sec: 1_700_000_000, nsec: 0 }

function told(ino: number, entryId: EntryId, mode: number): Operation[] {
  const entry = newEntry({ ino, id: entryId, mode, ...owner, rdev: 0, now })
  if (mode >= modeType.file) entry.size = 5
  return [{ kind: 'create', id: entryId, ino, attributes: attributeBytes(entry) }]
}

/** Folders in the root, each with its files. */
async function writeManifest(store: string): Promise<void> {
  const { page, header, identity } = await testKeys()
  mkdirSync(join(store, 'manifest'))
  const chain = await Chain.open({ store, page, header, identity, clock: new TestClock(), entropy })
  const root = new Uint8Array(16)
  root[15] = 1
  let operations: Operation[] = told(rootIno, root as Uint8Array as EntryId, modeType.directory | 0o755)
  let folder = root as Uint8Array as EntryId
  for (let count = 1; count < wanted; count++) {
    const ino = count + 1
    const entryId = id()
    const isFolder = count % perFolder === 1
    const parent = isFolder ? root as Uint8Array as EntryId : folder
    operations.push(...told(ino, entryId, isFolder ? modeType.directory | 0o755 : modeType.file | 0o644))
    if (isFolder) folder = entryId
    else operations.push({ kind: 'content', id: entryId, size: 5, content: encodeContent({ length: 5, allocated: 5, body: { form: 'inline', bytes: Buffer.from('hello') } }), bases: [] })
    operations.push({ kind: 'link', id: entryId, parent, name: Buffer.from(`entry ${String(count)}`) })
    if (operations.length < 3 * entriesPerOperationBatch) continue
    await chain.append(operations)
    operations = []
  }
  await chain.append(operations)
  await chain.close()
}

const store = await newFolder()
const seconds = (since: number): string => ((performance.now() - since) / 1000).toFixed(1)
try {
  let began = performance.now()
  await writeManifest(store)
  console.log(`manifest of ${String(wanted)} entries written in ${seconds(began)} s`)
  began = performance.now()
  let phase: RebuildProgress['phase'] | undefined
  const rebuilt = await rebuildTestStore(store, new TestClock(), { onProgress: (progress) => {
    if (progress.phase !== phase) console.log(`${seconds(began)} s: ${progress.phase}`)
    phase = progress.phase
  } })
  console.log(`rebuilt in ${seconds(began)} s: ${JSON.stringify(rebuilt)}, peak ${String(Math.round(process.resourceUsage().maxRSS / 1024))} MiB`)
  for (const name of readdirSync(store)) if (statSync(join(store, name)).isFile()) console.log(`${name}: ${String(Math.round(statSync(join(store, name)).size / 1048576))} MiB`)
} finally {
  removeFolder(store)
}
