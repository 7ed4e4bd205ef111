// The catalog's own log (SQLite's) begins anew behind each copy, also when changes come all the time: it does not grow with
// how long somebody writes without a rest.
import { statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { rootIno } from '../../../lib/tree/entry.js'
import { request, TestVault } from '../../support/open-vault.js'

t.test('changes are applied while the catalog is copied', async (t) => {
  const test = await TestVault.open()
  t.teardown(() => test.remove())
  const { upkeep } = test.opened
  let made = 0
  const make = async (count: number): Promise<void> => {
    for (let each = 0; each < count; each++) await test.operations.mkdir(rootIno, `folder ${String(made++)}`, 0o755, 0, request)
  }
  const sizes: number[] = []
  for (let round = 0; round < 9; round++) {
    await make(50)
    let isCopied = false
    const copied = upkeep.shrinkLog().finally(() => { isCopied = true })
    // As the clock has it, only more often.
    while (!isCopied) {
      await make(5)
      await upkeep.apply()
    }
    await copied
    sizes.push(statSync(join(test.store, 'catalog.db-wal')).size)
  }
  const [early = 0, late = Infinity] = [sizes[2], sizes.at(-1)]
  t.ok(late <= early * 2, `${String(early)} bytes after 3 copies, ${String(late)} after ${String(sizes.length)}`)
})
