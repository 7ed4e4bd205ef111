// After a kill the log is read from its oldest segment on, of which most may be needed no more: as far as the catalog says
// so, records are passed over and not replayed, which takes seconds where they are many.
import { rmSync } from 'node:fs'
import t from 'tap'
import { recordKind } from '../../../lib/store/log-port.js'
import { VaultError } from '../../../lib/terms/errors.js'
import { rootIno } from '../../../lib/tree/entry.js'
import { request, TestVault } from '../../support/open-vault.js'

/** What nobody can replay: whoever tries says so. */
const nonsense = Buffer.from([9])

async function make(test: TestVault, name: string): Promise<void> {
  const made = await test.operations.mkdir(rootIno, name, 0o755, 0, request)
  t.type(made, 'object')
}

async function openingAfterKill(test: TestVault): Promise<TestVault> {
  test.vault.flushLog()
  const image = await test.crashImage()
  t.teardown(() => { rmSync(image, { recursive: true, force: true }) })
  return await TestVault.open({ store: image, clock: test.clock })
}

t.test('records that nobody needs are passed over, those after them are not', async (t) => {
  const test = await TestVault.open()
  t.teardown(() => test.remove())
  await make(test, 'one')
  test.vault.parts.log.append(recordKind.images, nonsense)
  await t.rejects(openingAfterKill(test), VaultError, 'it is needed as far as anybody knows')
  await test.settle()
  await make(test, 'two')
  await test.apply()
  await make(test, 'three')
  const again = await openingAfterKill(test)
  for (const name of ['one', 'two', 'three']) t.ok(again.vault.parts.tree.lookup(rootIno, name), name)
  t.equal(again.vault.parts.unpublished.names.size, 2, 'what is not published is known')
  await again.settle()
  await again.close()
})
