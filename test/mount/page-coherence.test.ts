// What lies around a small read is handed to the kernel's pages (native-deps/fuse/page-stores.ts): nobody may ever see
// there what was before a change. `npm run test:coherence -- SECONDS` goes on for longer.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { projectRoot } from '../tidy/source.js'
import { mountTestVault } from './mounted-vault.js'

const seconds = Number(process.argv[2] ?? 3)
t.setTimeout(seconds * 1000 + 120_000)

t.test('readers of pages beside changes', { skip: existsSync('/dev/fuse') ? false : 'no /dev/fuse', timeout: seconds * 1000 + 120_000 }, async (t) => {
  const { run, mounted } = await mountTestVault(t)
  let isOver = false
  const publishing = (async () => {
    while (!isOver) {
      await mounted.vault.publishAll()
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  })()
  const seed = Math.floor(Math.random() * 1e6)
  t.comment(`seed ${seed}`)
  const said = await run('python3 "$1" file "$2" "$3" || true', join(projectRoot(import.meta.dirname), 'test/mount/page-coherence.py'), String(seconds), String(seed))
  isOver = true
  await publishing
  t.comment(said)
  t.match(said, /\b0 stale\b/)
  t.match(said, /^[1-9]\d* changes/m)
})

t.test('a small read brings the pages around it', { skip: existsSync('/dev/fuse') ? false : 'no /dev/fuse' }, async (t) => {
  const { run, mounted, publish } = await mountTestVault(t)
  await run('head -c 1048576 /dev/urandom > file')
  await publish()
  await run('python3 -c "import os; d = os.open(\'file\', os.O_RDONLY); os.posix_fadvise(d, 0, 0, os.POSIX_FADV_DONTNEED)"')
  const before = mounted.report().requests.answered
  const reading = 'import os\nd = os.open("file", os.O_RDONLY)\nos.posix_fadvise(d, 0, 0, os.POSIX_FADV_RANDOM)\nfor page in range(256): os.pread(d, 4096, page * 4096)'
  await run('python3 -c "$1"', reading)
  t.ok(mounted.report().requests.answered - before < 128, 'not each page is asked for')
})
