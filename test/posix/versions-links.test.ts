// Hard links and what is open, across `.versions`: the counts of the time, one inode for one version, and a present
// that goes on.
import t from 'tap'
import { openFlags } from './call-flags.js'
import { must } from './call-results.js'
import { posixMount, whyNoPosixMount } from './posix-mount.js'

t.setTimeout(300_000)
const skip = whyNoPosixMount()

t.test('hard links in the past', { skip }, async (t) => {
  const mount = await posixMount(t)
  const { root, vault } = mount
  if (vault === undefined) {
    t.pass('skipped: only a vault has a past')
    return
  }
  const room = await mount.room()
  const inside = room.slice(mount.folder.length + 1)
  const fd = await must(root.open(`${room}/one`, openFlags.create | openFlags.readWrite, 0o644))
  await must(root.write(fd, 'first'))
  const states: string[] = []
  const counts = [1, 2, 3, 2, 1]
  await must(root.mkdir(`${room}/below`))
  states.push(await vault.publish())
  await must(root.link(`${room}/one`, `${room}/two`))
  states.push(await vault.publish())
  await must(root.link(`${room}/one`, `${room}/below/three`))
  states.push(await vault.publish())
  await must(root.unlink(`${room}/one`))
  states.push(await vault.publish())
  await must(root.pwrite(fd, 'second', 0))
  await must(root.unlink(`${room}/two`))
  states.push(await vault.publish())

  const names = [['one'], ['one', 'two'], ['one', 'two', 'below/three'], ['two', 'below/three'], ['below/three']]
  for (const [at, state] of states.entries()) {
    const seen = []
    for (const name of ['one', 'two', 'below/three']) {
      const found = await root.stat(`${mount.folder}/.versions/${state}/${inside}/${name}`)
      t.equal(found === 'ENOENT', names[at]?.includes(name) === false, `state ${at}: ${name}`)
      if (typeof found !== 'string') seen.push(found)
    }
    for (const { nlink, ino, size } of seen) t.strictSame([nlink, ino, size], [counts[at], seen[0]?.ino, at < 4 ? 5 : 6], `state ${at}: one inode, its count and its size`)
    t.equal(await root.link(`${mount.folder}/.versions/${state}/${inside}/below`, `${room}/x`), 'EPERM')
    t.match(await root.link(`${mount.folder}/.versions/${state}/${inside}/${names[at]?.[0] ?? ''}`, `${room}/x`), /EROFS|EXDEV/, 'no name of the present for what is past')
  }
  t.match(await root.fstat(fd), { nlink: 1, size: 6 })
  await must(root.unlink(`${room}/below/three`))
  t.match(await root.fstat(fd), { nlink: 0 }, 'in the present it has none')
  t.match(await root.stat(`${mount.folder}/.versions/${states[2] ?? ''}/${inside}/one`), { nlink: 3 }, 'in the past it has them still')
  t.same(await root.pread(fd, 100, 0), Buffer.from('second'))
  await must(root.close(fd))
})
