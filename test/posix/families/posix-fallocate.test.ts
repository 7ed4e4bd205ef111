// posix_fallocate(3) and fallocate(2): room, holes and zeros.
import t from 'tap'
import { fallocateFlag, openFlags } from '../call-flags.js'
import { must } from '../call-results.js'
import { posixMount, user, whyNoPosixMount } from '../posix-mount.js'
import { modified, movesTimes, untouched } from './times-moved.js'
import { pattern } from './truncation.js'

t.setTimeout(300_000)
const skip = whyNoPosixMount()
const { keepSize, punchHole, zero, collapse, insert, unshare } = fallocateFlag

t.test('fallocate', { skip }, async (t) => {
  const mount = await posixMount(t)
  const { root } = mount
  const room = await mount.room({ mode: 0o777 })
  const file = async (name: string, bytes: number): Promise<number> => {
    const fd = await must(root.open(`${room}/${name}`, openFlags.create | openFlags.readWrite, 0o644))
    if (bytes > 0) await must(root.write(fd, pattern(bytes)))
    return fd
  }

  await t.test('posix_fallocate grows and keeps', async (t) => {
    for (const from of [0, 1, 4096, 12_345, 100_000]) for (const [offset, length] of [[0, 1], [0, 567], [20_000, 3456], [4095, 2], [99_999, 1], [200_000, 300_000]] as const) {
      const path = `${from}-${offset}-${length}`
      const fd = await file(path, from)
      t.equal(await root.posixFallocate(fd, offset, length), 0)
      const size = Math.max(from, offset + length)
      const content = await must(root.pread(fd, size + 1, 0))
      t.ok(content.length === size && content.subarray(0, from).equals(pattern(from)) && content.subarray(from).every((byte) => byte === 0), `${from} bytes, then ${offset}+${length}`)
      await must(root.close(fd))
    }
  })
  await t.test('what was reserved counts, and takes no more when it is written', async (t) => {
    const fd = await file('reserved', 0)
    const blocks = async (): Promise<number> => (await must(root.fstat(fd))).blocks
    t.equal(await root.fallocate(fd, 0, 4095, 2), 0)
    const reserved = await blocks()
    await must(root.pwrite(fd, Buffer.from('ab'), 4095))
    t.ok(reserved > 0 && (await blocks()) <= reserved)
    t.equal(await root.fallocate(fd, keepSize, 0, 1_000_000), 0)
    t.ok((await blocks()) * 512 >= 1_000_000, 'behind the end too')
    t.equal(await root.fallocate(fd, punchHole | keepSize, 0, 500_000), 0)
    t.ok((await blocks()) * 512 < 600_000, 'a hole takes it back')
    await must(root.close(fd))
  })
  await t.test('every mode against a model', async (t) => {
    const modes = [0, keepSize, punchHole | keepSize, zero, zero | keepSize]
    for (const mode of modes) for (const [offset, length] of [[0, 10], [100, 5000], [4096, 4096], [0, 200_000], [65_536, 65_536], [149_999, 50_000], [160_000, 10]] as const) {
      const from = 150_000
      const fd = await file(`mode-${mode}-${offset}-${length}`, from)
      t.equal(await root.fallocate(fd, mode, offset, length), 0, `mode ${mode} of ${offset}+${length}`)
      const size = (mode & keepSize) === 0 ? Math.max(from, offset + length) : from
      const wanted = Buffer.alloc(size)
      pattern(from).copy(wanted)
      if ((mode & (punchHole | zero)) !== 0) wanted.fill(0, offset, Math.min(offset + length, size))
      t.equal((await must(root.fstat(fd))).size, size)
      t.ok((await must(root.pread(fd, size + 1, 0))).equals(wanted), `mode ${mode} of ${offset}+${length}: its bytes`)
      await must(root.close(fd))
    }
  })
  await t.test('times', async (t) => {
    const path = `${room}/times`
    const fd = await file('times', 0)
    await movesTimes(t, mount, 'growing', { call: () => root.posixFallocate(fd, 0, 123) }, [{ path, moves: modified }])
    await movesTimes(t, mount, 'punching', { call: () => root.fallocate(fd, punchHole | keepSize, 0, 100) }, [{ path, moves: modified }])
    await movesTimes(t, mount, 'nothing', { call: () => root.posixFallocate(fd, 0, 0), outcome: 'EINVAL' }, [{ path, moves: untouched }])
    await must(root.close(fd))
  })
  await t.test('refusals', async (t) => {
    const fd = await file('refusals', 1000)
    const before = await root.fstat(fd)
    for (const [mode, offset, length, error] of [
      [0, 0, 0, 'EINVAL'], [0, -1, 10, 'EINVAL'], [0, 0, -1, 'EINVAL'], [punchHole, 0, 10, 'EOPNOTSUPP'],
      [punchHole | zero | keepSize, 0, 10, 'EOPNOTSUPP'], [0x4000, 0, 10, 'EOPNOTSUPP'], [0, Number.MAX_SAFE_INTEGER, 10, 'EFBIG'],
    ] as const) t.equal(await root.fallocate(fd, mode, offset, length), error, `mode ${mode} of ${offset}+${length}`)
    // Moving what lies behind: refused cleanly, whether or not it would fit.
    if (mount.vault !== undefined) for (const mode of [collapse, insert, unshare]) t.equal(await root.fallocate(fd, mode, 0, 4096), 'EOPNOTSUPP', `mode ${mode}`)
    t.strictSame(await root.fstat(fd), before)
    const reading = await must(root.open(`${room}/refusals`, openFlags.readOnly))
    t.equal(await root.posixFallocate(reading, 0, 10), 'EBADF', 'not open for writing')
    const folder = await must(root.open(room, openFlags.readOnly))
    t.equal(await root.fallocate(folder, 0, 0, 10), 'EBADF', 'a directory')
    await must(root.mkfifo(`${room}/fifo`))
    t.equal(await root.fallocate(await must(root.open(`${room}/fifo`, openFlags.readWrite)), 0, 0, 10), 'ESPIPE', 'a fifo')
    t.equal(await root.posixFallocate(fd, 0, 2 ** 62), 'EFBIG', 'more than a file may have')
  })
  await t.test('a new file may have any mode', async (t) => {
    for (const as of [root, mount.as(user)]) {
      const fd = await must(as.open(`${room}/none-${as.identity.uid}`, openFlags.create | openFlags.readWrite, 0))
      t.equal(await as.posixFallocate(fd, 0, 1), 0)
    }
  })
})
