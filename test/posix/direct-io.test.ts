// O_DIRECT: past the kernel's cache, and in step with it. Any offset, length and address will do: nothing here has blocks.
import t from 'tap'
import { mapFlag, mapProtection, openFlags } from './call-flags.js'
import { must } from './call-results.js'
import { pattern } from './families/truncation.js'
import { posixMount, whyNoPosixMount } from './posix-mount.js'

t.setTimeout(300_000)
const skip = whyNoPosixMount()
const { create, readWrite, direct, append, writeOnly } = openFlags

t.test('O_DIRECT', { skip }, async (t) => {
  const mount = await posixMount(t)
  const { root } = mount
  const room = await mount.room()
  const path = `${room}/file`
  const [plain, past] = [await must(root.open(path, create | readWrite, 0o644)), await must(root.open(path, readWrite | direct))]
  // Another filesystem wants whole blocks.
  const alignments = mount.vault === undefined ? [[0, 4096, 0], [8192, 65_536, 0]] as const : [[0, 4096, 0], [8192, 65_536, 0], [1, 10, 0], [4095, 4098, 1], [511, 70_000, 7], [100_000, 1_500_000, 513]] as const

  await t.test('one sees what the other wrote', async (t) => {
    const model = Buffer.alloc(2_000_000)
    for (const [offset, length, shift] of alignments) {
      const bytes = pattern(length)
      bytes.copy(model, offset)
      t.equal(await root.writeDirect(past, bytes, offset, shift), length)
      t.ok((await must(root.pread(plain, length, offset))).equals(bytes), `direct, then cached: ${offset}+${length}`)
      const other = pattern(length).reverse()
      other.copy(model, offset)
      t.equal(await root.pwrite(plain, other, offset), length)
      t.ok((await must(root.readDirect(past, length, offset, shift))).equals(other), `cached, then direct: ${offset}+${length}`)
    }
    const { size } = await must(root.fstat(past))
    const whole = await must(root.pread(plain, 2_000_000, 0))
    t.ok(whole.length === size && whole.equals(model.subarray(0, size)), 'all of it')
  })
  await t.test('the end of a file, and holes', async (t) => {
    await must(root.ftruncate(plain, 0))
    await must(root.pwrite(plain, pattern(5000), 0))
    t.ok((await must(root.readDirect(past, 8192, 0))).equals(pattern(5000)), 'no more than there is')
    t.same(await root.readDirect(past, 4096, 8192), Buffer.alloc(0), 'behind the end')
    await must(root.ftruncate(plain, 1_000_000))
    t.ok((await must(root.readDirect(past, 4096, 499_712))).equals(Buffer.alloc(4096)), 'a hole')
  })
  await t.test('with a mapping', async (t) => {
    await must(root.ftruncate(plain, 0))
    await must(root.pwrite(plain, pattern(16_384), 0))
    const map = await must(root.map(plain, 16_384, mapFlag.shared, mapProtection.read | mapProtection.write))
    t.ok((await must(root.mapRead(map, 0, 16_384))).equals(pattern(16_384)))
    await must(root.writeDirect(past, Buffer.alloc(4096, 'd'), 4096))
    t.ok((await must(root.mapRead(map, 4096, 4096))).equals(Buffer.alloc(4096, 'd')), 'a mapping sees a direct write')
    await must(root.mapWrite(map, 8192, 'mapped'))
    t.same((await must(root.readDirect(past, 4096, 8192))).subarray(0, 6), Buffer.from('mapped'), 'a direct read sees a store, without msync')
    await must(root.msync(map))
    await must(root.unmap(map))
    const own = await must(root.map(past, 4096, mapFlag.shared, mapProtection.read))
    t.ok((await must(root.mapRead(own, 0, 4096))).equals(pattern(4096)), 'a file that is open for direct I/O can be mapped')
    await must(root.unmap(own))
  })
  await t.test('appending', async (t) => {
    const log = await must(root.open(`${room}/log`, create | writeOnly | append | direct, 0o644))
    for (let each = 0; each < 5; each++) t.equal(await root.writeDirect(log, Buffer.alloc(4096, 97 + each), 0), 4096)
    t.equal((await must(root.fstat(log))).size, 5 * 4096)
  })
})
