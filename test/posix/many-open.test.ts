// A thousand files open at once, each its own, by name and without one, while the vault publishes.
import t from 'tap'
import { openFlags } from './call-flags.js'
import { must } from './call-results.js'
import { posixMount, whyNoPosixMount } from './posix-mount.js'

t.setTimeout(300_000)
const skip = whyNoPosixMount()
const files = 1200

t.test(`${files} open files`, { skip }, async (t) => {
  const mount = await posixMount(t)
  const { root } = mount
  const room = await mount.room()
  await must(root.openFilesMax(files * 2 + 100))
  const path = (at: number): string => `${room}/file-${at}`
  const fds = await Promise.all(Array.from({ length: files }, (_, at) => must(root.open(path(at), openFlags.create | openFlags.readWrite, 0o644))))
  await Promise.all(fds.map((fd, at) => must(root.write(fd, `content of ${at}`))))
  for (let at = 0; at < files; at += 2) void must(root.unlink(path(at)))
  await must(root.stat(room))
  if (mount.vault !== undefined) await mount.vault.publish()
  await Promise.all(fds.map((fd, at) => must(root.pwrite(fd, `CONTENT`, at % 3))))
  const read = await Promise.all(fds.map((fd) => must(root.pread(fd, 100, 0))))
  const wanted = (at: number): Buffer => {
    const content = Buffer.from(`content of ${at}`)
    content.write('CONTENT', at % 3)
    return content.subarray(0, Math.max(content.length, 7 + (at % 3)))
  }
  t.ok(read.every((content, at) => content.equals(wanted(at))), 'each has its own content')
  const stats = await Promise.all(fds.map((fd) => must(root.fstat(fd))))
  t.equal(new Set(stats.map(({ ino }) => ino)).size, files)
  t.ok(stats.every(({ nlink }, at) => nlink === at % 2), 'and its own count of names')
  await Promise.all(fds.map((fd) => must(root.close(fd))))
  const second = await Promise.all(Array.from({ length: files / 2 }, (_, at) => must(root.open(path(at * 2 + 1), openFlags.readOnly))))
  const again = await Promise.all(second.map((fd) => must(root.read(fd, 100))))
  t.ok(again.every((content, at) => content.equals(wanted(at * 2 + 1))), 'what has a name is found by it again')
})
