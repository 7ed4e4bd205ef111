// The past through the kernel: every state of a tree as it was, whatever became of it since.
import fs from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { whyNoMounts } from '../native-deps/fuse-fixture.js'
import { mountTestVault } from './mounted-vault.js'

t.setTimeout(300_000)
const skip = whyNoMounts

/** Names, types, modes, owners, sizes, modification times, link targets and content of all that is below. */
const fingerprint = `cd "$1"; find . -mindepth 1 -printf '%P %y %m %U:%G %l %T@ ' \\( -type f -printf '%s ' -exec sha256sum {} ';' -o -printf '\\n' \\) | sed 's/  .*//' | LC_ALL=C sort`

t.test('states that were overwritten and removed since', { skip }, async (t) => {
  const { folder, publish, run, logged } = await mountTestVault(t)
  await fs.mkdir(join(folder, 'a'))
  await fs.writeFile(join(folder, 'a/file'), 'one')
  const first = await publish()
  const before = await run(fingerprint, folder)
  await fs.writeFile(join(folder, 'a/file'), 'two and more')
  await fs.writeFile(join(folder, 'b'), 'b')
  const second = await publish()
  await fs.rm(join(folder, 'a'), { recursive: true })
  t.equal(await run('cat .versions/$1/a/file', first), 'one')
  t.equal(await run('cat .versions/$1/a/file', second), 'two and more')
  t.equal(await run(fingerprint, join(folder, '.versions', first)), before)
  t.same(logged, [])
})
