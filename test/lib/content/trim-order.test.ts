// The log gives up what is published only when its word of that is on the disk: also when an apply of the catalog began
// before that word, so that neither it nor the checkpoint has it (test/model/durability-model.ts found what is lost else).
import tap from 'tap'
import { put } from '../../fault/verify/verified-vault.js'
import { recordKind } from '../../../lib/store/log-port.js'
import { rootIno } from '../../../lib/tree/entry.js'
import { TestVault } from '../../support/open-vault.js'

void tap.test('a trim waits for the word "published" to be on the disk (vault-upkeep.ts: the sync before the trim)', async (t) => {
  const world = await TestVault.open()
  t.teardown(() => world.remove())
  const { log, catalog, publisher } = world.vault.parts
  await put(world, rootIno, 'file', Buffer.alloc(100_000, 'content'))
  await world.spill()

  const gate = Promise.withResolvers<undefined>()
  const apply = catalog.apply.bind(catalog)
  catalog.apply = async (rows) => {
    await gate.promise
    await apply(rows)
  }
  let word = 0
  const append = log.append.bind(log)
  log.append = (kind, body) => {
    const lsn = append(kind, body)
    if (kind === recordKind.published) word = lsn
    return lsn
  }
  const trims: { readonly synced: number; readonly word: number; readonly lsn: number }[] = []
  const trim = log.trim.bind(log)
  log.trim = (lsn) => {
    trims.push({ synced: log.syncedLsn, word, lsn })
    trim(lsn)
  }

  const applying = world.opened.upkeep.apply()
  await publisher.round('all')
  t.ok(word > log.syncedLsn, 'it is said, and not on the disk yet')
  const shrinking = world.shrinkLog()
  gate.resolve(undefined)
  await Promise.all([applying, shrinking])
  t.ok(trims.length > 0, 'the log was trimmed')
  for (const each of trims) t.ok(each.synced >= each.word, `to ${String(each.lsn)}: said at ${String(each.word)}, on the disk up to ${String(each.synced)}`)
})
