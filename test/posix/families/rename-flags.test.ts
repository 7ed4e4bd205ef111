// renameat2(2): RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT.
import t from 'tap'
import { renameFlag } from '../call-flags.js'
import { must } from '../call-results.js'
import { fileTypes, makeFile, posixMount, user, whyNoPosixMount } from '../posix-mount.js'
import { obeysSticky } from './sticky-folder.js'
import { changed, modified, movesTimes, untouched } from './times-moved.js'

t.setTimeout(300_000)
const skip = whyNoPosixMount()
const { noReplace, exchange, whiteout } = renameFlag

t.test('renameat2', { skip }, async (t) => {
  const mount = await posixMount(t)
  const { root } = mount

  await t.test('RENAME_NOREPLACE', async (t) => {
    for (const over of fileTypes) {
      const room = await mount.room()
      await makeFile(root, 'regular', `${room}/from`)
      await makeFile(root, over, `${room}/to`)
      await movesTimes(t, mount, `over a ${over}`, { call: () => root.renameat2(`${room}/from`, `${room}/to`, noReplace), outcome: 'EEXIST' }, [{ path: `${room}/from`, moves: untouched }, { path: `${room}/to`, moves: untouched }, { path: room, moves: untouched }])
      t.equal(await root.renameat2(`${room}/from`, `${room}/from`, noReplace), 'EEXIST', 'to its own name')
      t.equal(await root.renameat2(`${room}/from`, `${room}/free`, noReplace), 0)
    }
  })
  await t.test('RENAME_EXCHANGE of every two types', async (t) => {
    for (const one of fileTypes) for (const two of fileTypes) {
      const [first, second] = [await mount.room(), await mount.room()]
      await makeFile(root, one, `${first}/one`)
      await makeFile(root, two, `${second}/two`)
      const [before, other] = [await must(root.lstat(`${first}/one`)), await must(root.lstat(`${second}/two`))]
      await movesTimes(t, mount, `a ${one} and a ${two}`, { call: () => root.renameat2(`${first}/one`, `${second}/two`, exchange) }, [
        { path: `${first}/one`, after: `${second}/two`, moves: changed }, { path: `${second}/two`, after: `${first}/one`, moves: changed },
        { path: first, moves: modified }, { path: second, moves: modified },
      ])
      t.strictSame([(await must(root.lstat(`${second}/two`))).ino, (await must(root.lstat(`${first}/one`))).ino], [before.ino, other.ino])
      const links = (inside: string): number => (inside === 'directory' ? 3 : 2)
      t.strictSame([(await must(root.stat(first))).nlink, (await must(root.stat(second))).nlink], [links(two), links(one)], 'links of the folders')
      if (one === 'directory') t.equal((await must(root.stat(`${second}/two/..`))).ino, (await must(root.stat(second))).ino)
    }
    const room = await mount.room()
    await must(root.mkdir(`${room}/outer`))
    await must(root.mkdir(`${room}/outer/inner`))
    t.equal(await root.renameat2(`${room}/outer`, `${room}/outer/inner`, exchange), 'EINVAL', 'a directory with one in it')
    t.equal(await root.renameat2(`${room}/outer/inner`, `${room}/outer`, exchange), 'EINVAL')
    t.equal(await root.renameat2(`${room}/outer`, `${room}/nothing`, exchange), 'ENOENT')
  })
  await t.test('RENAME_WHITEOUT', async (t) => {
    const room = await mount.room()
    for (const type of fileTypes) {
      await makeFile(root, type, `${room}/${type}`)
      t.equal(await root.renameat2(`${room}/${type}`, `${room}/${type}-moved`, whiteout), 0)
      const left = await must(root.lstat(`${room}/${type}`))
      t.strictSame([left.type, left.major, left.minor], ['char', 0, 0], `where a ${type} was`)
      t.equal((await must(root.lstat(`${room}/${type}-moved`))).type, type)
    }
  })
  await t.test('flags that do not go together, or that there are not', async (t) => {
    const room = await mount.room()
    for (const name of ['one', 'two']) await makeFile(root, 'regular', `${room}/${name}`)
    for (const flags of [noReplace | exchange, exchange | whiteout, 8, 0x8000_0000]) t.equal(await root.renameat2(`${room}/one`, `${room}/two`, flags), 'EINVAL', `flags ${flags}`)
  })
  await t.test('a sticky folder guards both names', async (t) => {
    await obeysSticky(t, mount, { name: 'exchange', types: ['regular', 'symlink'], aside: 'regular', call: (as, path, aside) => as.renameat2(aside, path, exchange) })
    const room = await mount.room({ mode: 0o755 })
    for (const name of ['one', 'two']) await makeFile(root, 'regular', `${room}/${name}`)
    t.equal(await mount.as(user).renameat2(`${room}/one`, `${room}/two`, exchange), 'EACCES')
  })
})
