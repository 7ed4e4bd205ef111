// An asynchronous write past the kernel's pages, while the same file is read through them.
import fs from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { Handler } from '../../native-deps/fuse/handler.js'
import { PageReads } from '../../native-deps/fuse/page-reads.js'
import type { MemoryTree } from '../model/memory-tree.js'
import { mountTree, python, until, whyNoMounts } from './fuse-fixture.js'

/** Between a reader's answer and the moment when he looks at it. */
const readerTakesMs = 500

/** The first write makes the file; a later one takes effect when somebody has read what was there before. */
function writesAfterARead(tree: MemoryTree): Handler {
  let [reads, writes] = [0, 0]
  return new Proxy<Handler>(tree, {
    get(target, property) {
      const member: unknown = Reflect.get(target, property)
      if (typeof member !== 'function') return member
      return (...args: readonly unknown[]): unknown => {
        if (property === 'read') reads++
        if (property !== 'write' || writes++ === 0) return Reflect.apply(member, target, args)
        const before = reads
        return until(() => reads > before).then(() => sleep(readerTakesMs)).then((): unknown => Reflect.apply(member, target, args))
      }
    },
  })
}

/** struct iocb and io_event of <linux/aio_abi.h>. */
const script = `
setup, submit, events = (206, 209, 208) if os.uname().machine == 'x86_64' else (0, 2, 4)
mapped = ctypes.create_string_buffer(8192)
at = (ctypes.addressof(mapped) + 4095) & ~4095
ctypes.memset(at, ord('b'), 4096)
pages = os.open(a[0], os.O_RDONLY)
direct = os.open(a[0], os.O_WRONLY | os.O_DIRECT)
before = os.pread(pages, 1, 0)
context = ctypes.c_ulong(0)
assert c.syscall(setup, 1, ctypes.byref(context)) == 0
block = ctypes.create_string_buffer(struct.pack('<QIiHhIQQqQII', 0, 0, 0, 1, 0, direct, at, 4096, 0, 0, 0, 0))
pointer = ctypes.c_void_p(ctypes.addressof(block))
assert c.syscall(submit, context, 1, ctypes.byref(pointer)) == 1
between = os.pread(pages, 1, 0)
event = ctypes.create_string_buffer(32)
assert c.syscall(events, context, 1, 1, event, None) == 1
assert struct.unpack_from('<q', event.raw, 16)[0] == 4096
print((before + between + os.pread(pages, 1, 0)).decode())
`

t.test('what is acknowledged shows in every page', { skip: whyNoMounts, timeout: 60_000 }, async (t) => {
  const { folder } = await mountTree(t, { wrap: writesAfterARead })
  const path = join(folder, 'f')
  await fs.writeFile(path, 'a'.repeat(4096))
  t.equal((await python(script, path)).trim(), 'aab', 'old bytes until it is acknowledged, new ones from then on')
})

t.test('which files are being read into pages', (t) => {
  const reads = new PageReads({ isReading: (ino) => ino === 9, drop: () => Promise.resolve() })
  reads.note(7, 10_000)
  t.ok(reads.mayShow(7, 10_900), 'within a second')
  t.notOk(reads.mayShow(8, 10_900))
  t.ok(reads.mayShow(9, 10_900), 'while one waits')
  reads.note(8, 11_100)
  t.ok(reads.mayShow(7, 11_500), 'for a second at the least')
  t.notOk(reads.mayShow(7, 14_000), 'and not for long')
  for (let ino = 0; ino < 5000; ino++) reads.note(ino, 20_000)
  t.ok(reads.mayShow(4999, 20_001), 'more than can be kept: any file')
  t.end()
})
