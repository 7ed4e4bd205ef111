// Whoever goes through a folder file by file finds the next ones in the kernel's pages, and sees there what they hold.
import { existsSync } from 'node:fs'
import t from 'tap'
import type { Entry } from '../../lib/tree/entry.js'
import { FolderAhead } from '../../mount/ops/folder-ahead.js'
import type { Around } from '../../native-deps/fuse/handler.js'
import { mountTestVault } from './mounted-vault.js'

const reading = `
import os, time
seen = 0
for name in os.listdir('many'):
  with open('many/' + name, 'rb', buffering=0) as file:
    content = file.read(100000)
    if content != name.encode() * 700: print('other content in', name)
    seen += 1
  # Time for what is under way to arrive.
  time.sleep(0.005)
print(seen)
`

const dropping = 'import os\nfor name in os.listdir("many"): os.posix_fadvise(os.open("many/" + name, os.O_RDONLY), 0, 0, os.POSIX_FADV_DONTNEED)'

t.test('fewer reads than files', { skip: existsSync('/dev/fuse') ? false : 'no /dev/fuse' }, async (t) => {
  const { run, mounted, publish } = await mountTestVault(t)
  await run('python3 -c "$1"', "import os\nos.mkdir('many')\nfor k in range(101, 221): open(f'many/f{k}', 'w').write(f'f{k}' * 700)")
  await publish()
  const read = async (): Promise<number> => {
    await run('python3 -c "$1"', dropping)
    const before = mounted.report().requests.answered
    t.equal((await run('python3 -c "$1"', reading)).trim(), '120')
    return mounted.report().requests.answered - before
  }
  const requests = await read()
  // Opened and released each; without this, read too.
  t.ok(requests < 120 * 2.5, `${requests} requests for 120 files`)
})

t.test('it begins when reads come one after another, and only then', async (t) => {
  const stored: number[] = []
  const sizes = new Map(Array.from({ length: 60 }, (_, index) => [index + 10, 100]))
  const ahead = new FolderAhead({
    entry: (ino) => ({ ino, mode: 0o100644, size: sizes.get(ino) ?? 0 }) as Entry,
    contents: { of: (entry) => ({ ino: entry.ino, size: entry.size }) as never },
    reading: { read: () => new Uint8Array(100) },
    pages: () => ({
      begin: (ino): Around => ({ ino, valid: true }), store: ({ ino }) => { stored.push(ino) }, end: () => undefined,
    }),
  })
  ahead.lists(5, true)
  for (const ino of sizes.keys()) ahead.shows(ino)
  for (const ino of [10, 11, 12, 13]) ahead.opened(ino)
  t.same(stored, [], 'what is opened and not read is in the pages already')
  for (const ino of [30, 35, 40, 45, 50]) {
    ahead.opened(ino)
    ahead.read(ino)
  }
  t.same(stored, [], 'not one after another')
  for (const ino of [10, 11, 12]) {
    ahead.opened(ino)
    ahead.read(ino)
  }
  t.same(stored, Array.from({ length: 12 }, (_, index) => 13 + index))
  for (let ino = 13; ino < 70; ino++) ahead.opened(ino)
  t.same(stored, Array.from({ length: 57 }, (_, index) => 13 + index), 'each once, up to the end')
})
