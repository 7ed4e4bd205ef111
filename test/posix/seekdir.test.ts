// telldir(3) and seekdir(3): a place in a listing stays good while names come and go.
import t from 'tap'
import { openFlags, whence } from './call-flags.js'
import { must } from './call-results.js'
import { posixMount, whyNoPosixMount } from './posix-mount.js'

t.setTimeout(300_000)
const skip = whyNoPosixMount()
const entries = 1500

t.test('seekdir', { skip }, async (t) => {
  const mount = await posixMount(t)
  const { root } = mount
  const room = await mount.room()
  await Promise.all(Array.from({ length: entries }, (_, at) => must(root.mknod(`${room}/entry-${at}`, 0o100644))))
  const stream = await must(root.opendir(room))
  const places: { readonly place: string; readonly next: string | undefined }[] = []
  const names: string[] = []
  for (;;) {
    const place = await root.telldir(stream)
    const [next] = await must(root.readdir(stream, 1))
    places.push({ place, next })
    if (next === undefined) break
    names.push(next)
  }

  await t.test('every place leads back to what followed it', async (t) => {
    t.equal(names.length, entries + 2)
    t.equal(new Set(places.map(({ place }) => place)).size, places.length, 'no two are the same')
    // Back and forth: the last first, then by steps that have nothing to do with how many fit into one reply.
    const order = [...places.keys()].reverse().filter((at) => at % 37 === 0 || at < 5).concat([...places.keys()].filter((at) => at % 101 === 0))
    for (const at of order) {
      const wanted = places[at]
      if (wanted === undefined) continue
      await root.seekdir(stream, wanted.place)
      t.strictSame(await root.readdir(stream, 1), wanted.next === undefined ? [] : [wanted.next], `place ${at}`)
    }
    await root.seekdir(stream, places[700]?.place ?? '')
    t.strictSame(await root.readdir(stream, entries * 2), names.slice(700), 'and so does everything behind it')
    await root.rewinddir(stream)
    t.strictSame(await root.readdir(stream, entries * 2), names, 'rewinddir: from the beginning')
  })
  await t.test('while names come and go', async (t) => {
    const removed = new Set(names.slice(690, 720))
    for (const name of removed) if (name.startsWith('entry-')) await must(root.unlink(`${room}/${name}`))
    await Promise.all(Array.from({ length: 50 }, (_, at) => must(root.mknod(`${room}/new-${at}`, 0o100644))))
    await must(root.rename(`${room}/${names[1000] ?? ''}`, `${room}/${names[1000] ?? ''}-renamed`))
    await root.seekdir(stream, places[700]?.place ?? '')
    const rest = await must(root.readdir(stream, entries * 2))
    // Whether it still shows what has gone since the last rewinddir, POSIX leaves open; the kernel's own cache may.
    const stayed = names.slice(720).filter((name) => name !== names[1000])
    const seen = new Set(rest)
    t.strictSame(rest.filter((name) => stayed.includes(name)), stayed, 'what lay behind a place whose entry is gone is still behind it, in its order')
    t.equal(seen.size, rest.length, 'nothing twice')
    await root.rewinddir(stream)
    const all = await must(root.readdir(stream, entries * 2))
    t.equal(all.filter((name) => name.startsWith('new-')).length, 50, 'rewinddir shows what is new')
    t.equal(all.length, new Set(all).size)
  })
  await t.test('renaming what is listed comes to an end', async (t) => {
    const renamed = await mount.room()
    const count = 3000
    await Promise.all(Array.from({ length: count }, (_, at) => must(root.mknod(`${renamed}/${at}`, 0o100644))))
    const listing = await must(root.opendir(renamed))
    let listed = 0
    for (; listed < 3 * count; listed++) {
      const [name] = await must(root.readdir(listing, 1))
      if (name === undefined) break
      if (name.startsWith('.')) continue
      await must(root.rename(`${renamed}/${name}`, `${renamed}/other`))
      await must(root.rename(`${renamed}/other`, `${renamed}/${name}`))
    }
    t.equal(listed, count + 2, 'each once')
    await must(root.rewinddir(listing))
    t.equal(new Set(await must(root.readdir(listing, count * 2))).size, count + 2)
    await must(root.closedir(listing))
  })
  await t.test('lseek(2) of a directory', async (t) => {
    const fd = await must(root.open(room, openFlags.readOnly))
    const first = await root.getdents(fd, 4096)
    if (typeof first === 'string') throw new Error(first)
    const cookie = Number(first[9]?.offset)
    t.equal(await root.lseek(fd, cookie, whence.set), cookie)
    const next = await root.getdents(fd, 4096)
    t.equal(typeof next === 'string' ? next : next[0]?.name, first[10]?.name)
    t.equal(await root.lseek(fd, 0, whence.set), 0)
    t.equal(await root.lseek(fd, -5, whence.set), 'EINVAL')
    await must(root.close(fd))
  })
  t.equal(await root.closedir(stream), 0)
})
