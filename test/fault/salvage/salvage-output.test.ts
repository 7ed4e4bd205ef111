// What a target does not take of an entry is counted and named, and stops nothing.
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { EntryId } from '../../../lib/terms/bytes.js'
import { modeType, newEntry, type Entry } from '../../../lib/tree/entry.js'
import type { ContentSaver } from '../../../lib/vault-salvage-content.js'
import { SalvageOutput } from '../../../lib/vault-salvage-output.js'

function folderWith(xattrs: Entry['xattrs']): Entry {
  const id = new Uint8Array(16) as Uint8Array as EntryId
  const entry = newEntry({ ino: 5, id, mode: modeType.directory | 0o750, uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, rdev: 0, now: { sec: 1_700_000_000, nsec: 5 } })
  return Object.assign(entry, { xattrs })
}

t.test('attributes that are not kept', async (t) => {
  const top = mkdtempSync(join(tmpdir(), 'vaultfs-output-'))
  t.teardown(() => { rmSync(top, { recursive: true }) })
  // Content is not written here.
  const output = new SalvageOutput({} as ContentSaver)
  for (const name of ['one', 'two']) {
    const path = Buffer.from(join(top, name))
    await output.folder(path)
    // No access list looks like that.
    await output.finishFolder(path, folderWith(new Map([['system.posix_acl_access', Buffer.from('nonsense')], ['flags', new Uint8Array([64, 0, 0, 0])]])))
  }
  output.sync(top)
  t.same(output.unkept.map((sentence) => sentence.replaceAll(top, 'TOP').replace(/: .*/, '')), [
    'extended attributes of 2 entries, TOP/one the first of them, could not be kept', 'what chattr(1) says of 2 entries, TOP/one the first of them, could not be kept',
  ])
  const { mode, mtimeMs } = statSync(join(top, 'two'))
  t.equal(mode & 0o777, 0o750)
  t.equal(mtimeMs, 1_700_000_000_000)
  t.throws(() => { output.sync(join(top, 'none')) }, { code: 'ENOENT' })
})
