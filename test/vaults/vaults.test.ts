// Every vault that is kept, opened from a private copy: each state as it was, what a kill left in the log too; written to,
// verified, mounted again. A failure here means that somebody's vault no longer opens: mend the code, not the vault.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, readSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { VerifyFinding } from '../../lib/vault-verify-report.js'
import { run, whyNoMounts } from '../native-deps/fuse-fixture.js'
import { parsedLines, runPython, whyNoReader, type ListedEntry } from '../reader/second-reader.js'
import { projectRoot } from '../tidy/source.js'
import { inOrder, mountStore, treeOf, type Expected, type KeptMount } from './kept-vault.js'

t.setTimeout(300_000)
const folder = join(projectRoot(import.meta.dirname), 'test/vaults')
const kept = readdirSync(folder).filter((name) => existsSync(join(folder, name, 'store.tar.gz')))

/** SHA-256 of store and expectation: a vault that was made anew is not the one that was kept. */
const hashes: Readonly<Record<string, readonly [string, string]>> = {
  v1: ['14e1c995b8aa84f2d1b523a11b1edcb0155a5f06b8299b9f546c94849dbb41ff', 'df459c38d191c48f601e449f77f297633c0771a5c4697fe415da9dd2433c5f48'],
  'v1-devices': ['2e0ad9f487edcbff002287d7ab9783db4eccdf00145399dce48dcefd841053b7', 'e0e4eb3c38208129a23fa55767d53894129d500279ed5679e8fd17dc5f39d6ec'],
  'v1-groups': ['2bf803c9f3f6a78cb35f35bbca5f7510cdf2201ad6728e6b1d803e861974e60f', '4836ad6e138f07fc79ead51b27ad76c8683a105ab7d1eec584c7ad0c993256d0'],
}
t.same(kept, Object.keys(hashes), 'the vaults are there')

for (const name of kept) {
  const hashOf = (file: string): string => createHash('sha256').update(readFileSync(join(folder, name, file))).digest('hex')
  t.same([hashOf('store.tar.gz'), hashOf('expected.json')], hashes[name], `${name} is as it was kept`)
  const expected = JSON.parse(readFileSync(join(folder, name, 'expected.json'), 'utf8')) as Expected

  t.test(`${name}: the second reader finds every state, and what was only in the log`, { skip: whyNoReader }, async (t) => {
    const reader = readerOf(t, copyOf(t, name), expected)
    for (const { moment, name: snapshot, entries } of expected.states) {
      t.same(inOrder(await reader('--at', snapshot ?? moment), { owners: true }), inOrder(entries, { owners: true }), snapshot ?? moment)
    }
    t.same(inOrder(await reader('--with-log'), { owners: true }), inOrder(expected.afterCrash, { owners: true }), 'what the kill left')
  })

  t.test(`${name}: opens, and is as it was; is written to, and opens again`, { skip: whyNoMounts }, async (t) => {
    const store = copyOf(t, name)
    const first = await mountStore(store, { kind: 'passphrase', passphrase: Buffer.from(expected.passphrase) })
    t.teardown(first.leave)
    t.same(await treeOf(first.folder), inOrder(expected.afterCrash), 'what the kill left')
    await comparePast(t, first, expected)
    await run('bash', ['-euc', 'cd "$0"; echo new > new; echo more >> docs/long; rm -r odd; mv special docs', first.folder])
    const now = await treeOf(first.folder)
    await first.mounted.sync(() => undefined)
    t.same(await findings(first), [], 'verified')
    await first.leave()
    t.same(first.logged, [])

    if (whyNoReader === false) t.same(inOrder(await readerOf(t, store, expected)()), now, 'the second reader, of what was written')
    const again = await mountStore(store, { kind: 'recovery', words: expected.words })
    t.teardown(again.leave)
    t.same(await treeOf(again.folder), now, 'after what was written, by the words')
    await comparePast(t, again, expected)
    t.same(await findings(again), [], 'verified again')
    await again.leave()
    t.same(again.logged, [])
  })
}

t.test('the log of one, damaged and torn', { skip: whyNoReader }, async (t) => {
  const expected = JSON.parse(readFileSync(join(folder, 'v1/expected.json'), 'utf8')) as Expected
  const store = copyOf(t, 'v1')
  const secret = join(scratchOf(t), 'words')
  writeFileSync(secret, expected.words)
  const read = (): ReturnType<typeof runPython> => runPython('vaultfs_reader.py', 'list', store, '--with-log', '--kit-file', secret)
  const [name = ''] = readdirSync(join(store, 'log'))
  const log = openSync(join(store, 'log', name), 'r+')
  t.teardown(() => { closeSync(log) })
  const records = recordsOf(readFileSync(join(store, 'log', name)))
  const flip = (at: number): void => {
    const byte = Buffer.alloc(1)
    readSync(log, byte, 0, 1, at)
    writeSync(log, byte.map((value) => value ^ 1), 0, 1, at)
  }
  // The last one says how far the log was synced: nothing behind it says that of itself.
  const last = records.at(-1) ?? 0
  flip(last + 100)
  t.match(await read(), { status: 0 }, 'a torn end is cut off')
  flip(last + 100)
  flip((records[3] ?? 0) + 100)
  t.match(await read(), { status: 1, stdout: '', stderr: /log segment \d+, byte \d+: record \d+ does not verify, although it had been synced/ }, 'what was synced has to be there')
  flip((records[3] ?? 0) + 100)
  const [chain = ''] = readdirSync(join(store, 'manifest')).filter((each) => each.endsWith('.chain'))
  const bytes = readFileSync(join(store, 'manifest', chain))
  writeFileSync(join(store, 'manifest', chain), bytes.with(bytes.byteLength - 100, (bytes.at(-100) ?? 0) ^ 1))
  t.match(await read(), { status: 1, stdout: '', stderr: /the log goes over the newest state, which is damaged/ }, 'it is laid over no other state')
})

/** Where the log's records begin (LOG.md §3). */
function recordsOf(log: Buffer): number[] {
  const places: number[] = []
  for (let at = log.indexOf('VLR1'); at >= 0; at = log.indexOf('VLR1', at + 16)) if (at % 16 === 0) places.push(at)
  return places
}

function scratchOf(t: Test): string {
  const scratch = mkdtempSync(join(tmpdir(), 'vaultfs-kept-'))
  t.teardown(() => { rmSync(scratch, { recursive: true, force: true }) })
  return scratch
}

function copyOf(t: Test, name: string): string {
  const store = join(scratchOf(t), 'store')
  mkdirSync(store, { mode: 0o700 })
  execFileSync('tar', ['-C', store, '--no-same-owner', '-xzf', join(folder, name, 'store.tar.gz')])
  return store
}

function readerOf(t: Test, store: string, { passphrase }: Expected): (...options: readonly string[]) => Promise<ListedEntry[]> {
  const file = join(scratchOf(t), 'passphrase')
  writeFileSync(file, `${passphrase}\n`)
  return async (...options) => {
    const { status, stdout, stderr } = await runPython('vaultfs_reader.py', 'list', store, '--json', '--sha256', ...options, '--passphrase-file', file)
    t.equal(status, 0, `${options.join(' ')}: ${stderr}`)
    return parsedLines<ListedEntry>(stdout)
  }
}

async function comparePast(t: Test, { folder }: KeptMount, { states }: Expected): Promise<void> {
  for (const { moment, name, entries } of states) {
    t.same(await treeOf(join(folder, '.versions', name ?? moment)), inOrder(entries), `as of ${name ?? moment}`)
  }
}

async function findings({ mounted }: KeptMount): Promise<readonly VerifyFinding[]> {
  const found: VerifyFinding[] = []
  await mounted.verify({ onProgress: () => undefined, onFinding: (finding) => { found.push(finding) } })
  return found
}
