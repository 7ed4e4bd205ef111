// open(2): rights by class and mode, what O_CREAT, O_EXCL, O_TRUNC, O_NOFOLLOW and O_APPEND mean, and each type.
import t, { type Test } from 'tap'
import { openFlags } from '../call-flags.js'
import { must, type FileType } from '../call-results.js'
import { fileTypes, makeFile, makeOwned, posixMount, stranger, user, whyNoPosixMount, type PosixMount } from '../posix-mount.js'
import type { Identity } from '../system-calls.js'
import { creates } from './creation.js'
import { openAndClose, refusesPaths } from './path-errors.js'
import { startProgram } from './running-program.js'
import { modified, movesTimes, untouched } from './times-moved.js'

t.setTimeout(300_000)
const skip = whyNoPosixMount()
const { readOnly, writeOnly, readWrite, create, exclusive, truncate, nonBlocking, noFollow, directory } = openFlags
const accesses = [{ flags: readOnly, needs: 4 }, { flags: writeOnly, needs: 2 }, { flags: readWrite, needs: 6 }]

t.test('open', { skip }, async (t) => {
  const mount = await posixMount(t)
  const { root } = mount

  await t.test('creating: modes, owners, times', async (t) => {
    await creates(t, mount, { name: 'open to create', type: 'regular', make: (as, path, mode) => openAndClose(as, path, create | exclusive | writeOnly, mode) })
    const room = await mount.room()
    for (const access of [readOnly, writeOnly, readWrite]) {
      t.equal(await openAndClose(root, `${room}/none-${access}`, create | access, 0), 0, 'a mode of nothing')
      t.equal((await must(root.stat(`${room}/none-${access}`))).mode, 0)
    }
  })
  await t.test('rights', async (t) => { await rights(t, mount) })
  await t.test('what is there already', async (t) => {
    const room = await mount.room()
    const path = `${room}/file`
    const fd = await must(root.open(path, create | writeOnly, 0o644))
    await must(root.write(fd, 'test\n'))
    await must(root.close(fd))
    await movesTimes(t, mount, 'O_CREAT of what is there', { call: () => openAndClose(root, path, create | readOnly) }, [{ path, moves: untouched }, { path: room, moves: untouched }])
    for (const access of [writeOnly, readWrite, readOnly]) {
      await movesTimes(t, mount, 'O_TRUNC', { call: () => openAndClose(root, path, truncate | access) }, [{ path, moves: modified }, { path: room, moves: untouched }])
      t.equal((await must(root.stat(path))).size, 0)
      await must(root.truncate(path, 100))
    }
    await movesTimes(t, mount, 'creat', { call: async () => await root.close(await must(root.creat(path, 0o600))) }, [{ path, moves: modified }])
    t.equal((await must(root.stat(path))).mode, 0o644, 'which leaves the mode alone')
    for (const flags of [readOnly | readWrite, writeOnly | readWrite]) t.match(await openAndClose(root, path, flags), /^0$|EINVAL/, 'no access that there is')
  })
  await t.test('types', async (t) => { await types(t, mount) })
  await t.test('O_EXCL, O_NOFOLLOW, O_DIRECTORY', async (t) => { await strictness(t, mount) })
  await t.test('O_APPEND', async (t) => { await appending(t, mount) })
  await t.test('far away', async (t) => {
    const room = await mount.room()
    const fd = await must(root.open(`${room}/file`, create | readWrite, 0o755))
    for (const at of [2 ** 31 + 1, 2 ** 32 + 7, 2 ** 40]) {
      t.equal(await root.pwrite(fd, 'a', at), 1)
      t.equal((await must(root.stat(`${room}/file`))).size, at + 1)
      t.same(await root.pread(fd, 3, at - 1), Buffer.from('\0a'))
    }
  })
  await t.test('a program that runs', async (t) => {
    const room = await mount.room()
    const program = await startProgram(mount, `${room}/program`)
    // O_RDONLY | O_TRUNC is refused too, but not before the driver was asked (mount/POSIX.md): it would be empty.
    const refused = mount.vault === undefined ? [readOnly | truncate] : []
    for (const flags of [writeOnly, readWrite, writeOnly | truncate, ...refused]) t.equal(await openAndClose(root, `${room}/program`, flags), 'ETXTBSY')
    t.equal(await openAndClose(root, `${room}/program`, readOnly), 0)
    t.equal(await program.end(), 0)
    const writing = await must(root.open(`${room}/program`, writeOnly))
    t.equal(await root.execute(`${room}/program`), 'ETXTBSY', 'what is being written does not run')
    await must(root.close(writing))
    if (mount.vault === undefined) return
    const emptied = await startProgram(mount, `${room}/emptied`)
    // Refused, unless the program, whose pages are gone, has died of it by then.
    const truncated = await openAndClose(root, `${room}/emptied`, readOnly | truncate)
    t.ok(truncated === 'ETXTBSY' || truncated === 0)
    t.equal((await must(root.stat(`${room}/emptied`))).size, 0, 'the kernel\'s own limit')
    await emptied.end()
  })
  await t.test('paths', async (t) => {
    await refusesPaths(t, mount, { name: 'open', call: (as, path) => openAndClose(as, path), wants: 'regular', follows: true, changesFolder: false })
    await refusesPaths(t, mount, { name: 'open of a directory', call: (as, path) => openAndClose(as, path), wants: 'directory', follows: true, changesFolder: false })
    await refusesPaths(t, mount, { name: 'open with O_CREAT', call: (as, path) => openAndClose(as, path, create | writeOnly), wants: 'nothing', follows: false, changesFolder: true })
  })
})

/** Each class's three bits, against each access, by whoever is in that class and no other. */
async function rights(t: Test, mount: PosixMount): Promise<void> {
  const { root } = mount
  const room = await mount.room({ mode: 0o777 })
  const classes: readonly { readonly who: string; readonly as: Identity; readonly shift: number }[] = [
    { who: 'owner', as: user, shift: 6 },
    { who: 'group', as: { uid: stranger.uid, gid: user.gid }, shift: 3 },
    { who: 'member of the group', as: { uid: stranger.uid, gid: stranger.gid, groups: [65000, user.gid] }, shift: 3 },
    { who: 'other', as: stranger, shift: 0 },
  ]
  for (const type of ['regular', 'fifo', 'directory'] as const) {
    const path = `${room}/${type}`
    await makeOwned(mount, type, path, user)
    for (const { who, as, shift } of classes) for (let bits = 0; bits < 8; bits++) {
      // What the other classes may says nothing.
      const mode = (bits << shift) | (0o777 & ~(7 << shift) & (bits % 2 === 0 ? 0o777 : 0))
      await must(root.chmod(path, mode))
      for (const { flags, needs } of accesses) {
        if (type === 'directory' && flags !== readOnly) continue
        const granted = (bits & needs) === needs
        // Nobody reads this fifo.
        const opened = type === 'fifo' && flags === writeOnly ? 'ENXIO' : 0
        t.equal(await openAndClose(mount.as(as), path, flags | (type === 'fifo' ? nonBlocking : 0)), granted ? opened : 'EACCES', `${type} of ${mode.toString(8)} by the ${who}, access ${flags}`)
      }
      if (type !== 'regular') continue
      await must(root.truncate(path, 1))
      // To truncate is to write, whatever it is opened for.
      t.equal(await openAndClose(mount.as(as), path, readOnly | truncate), (bits & 6) === 6 ? 0 : 'EACCES', `O_TRUNC of ${mode.toString(8)} by the ${who}`)
      t.equal((await must(root.stat(path))).size, (bits & 6) === 6 ? 0 : 1)
    }
  }
}

async function types(t: Test, mount: PosixMount): Promise<void> {
  const { root } = mount
  const room = await mount.room()
  const table: Record<FileType, readonly [flags: number, outcome: unknown][]> = {
    regular: [[readOnly, 0], [readOnly | directory, 'ENOTDIR'], [readOnly | nonBlocking, 0]],
    directory: [[readOnly, 0], [readOnly | directory, 0], [writeOnly, 'EISDIR'], [readWrite, 'EISDIR'], [readOnly | truncate, 'EISDIR'], [writeOnly | truncate, 'EISDIR'], [readOnly | create, 'EISDIR']],
    fifo: [[readOnly | nonBlocking, 0], [writeOnly | nonBlocking, 'ENXIO'], [readWrite, 0], [readOnly | directory, 'ENOTDIR']],
    socket: [[readOnly, 'ENXIO'], [writeOnly, 'ENXIO'], [readWrite, 'ENXIO'], [readOnly | create, 'ENXIO'], [openFlags.path, 0]],
    symlink: [[readOnly, 'ENOENT'], [readOnly | noFollow, 'ELOOP'], [openFlags.path | noFollow, 0], [readOnly | create | noFollow, 'ELOOP'], [writeOnly | noFollow, 'ELOOP'], [readWrite | noFollow, 'ELOOP']],
    // What it stands for is not there, or may not be used from this mount.
    char: [[openFlags.path, 0], [readOnly | directory, 'ENOTDIR']],
    block: [[openFlags.path, 0], [readOnly | directory, 'ENOTDIR']],
  }
  for (const type of fileTypes) {
    await makeFile(root, type, `${room}/${type}`)
    for (const [flags, outcome] of table[type]) t.equal(await openAndClose(root, `${room}/${type}`, flags), outcome, `a ${type} with ${flags.toString(8)}`)
  }
}

async function strictness(t: Test, mount: PosixMount): Promise<void> {
  const { root } = mount
  const room = await mount.room()
  for (const type of fileTypes) {
    await makeFile(root, type, `${room}/${type}`)
    t.equal(await openAndClose(root, `${room}/${type}`, create | exclusive | writeOnly), 'EEXIST', `O_EXCL where there is a ${type}`)
  }
  t.equal(await root.lstat(`${room}/test`), 'ENOENT', 'O_EXCL follows no link')
  t.equal(await openAndClose(root, `${room}/symlink`, create | writeOnly), 0, 'O_CREAT without it does')
  t.equal((await must(root.lstat(`${room}/test`))).type, 'regular')
  t.equal(await openAndClose(root, `${room}/new/`, create | writeOnly), 'EISDIR', 'a slash at the end')
  t.equal(await openAndClose(root, `${room}/regular/`), 'ENOTDIR')
  await must(root.symlink('.', `${room}/here`))
  t.equal(await openAndClose(root, `${room}/here/regular`, readOnly | noFollow), 0, 'O_NOFOLLOW is about the last name')
}

async function appending(t: Test, mount: PosixMount): Promise<void> {
  const room = await mount.room()
  const path = `${room}/file`
  const [one, two] = [mount.process(), mount.process()]
  const [first, second] = [await must(one.open(path, create | writeOnly | openFlags.append, 0o644)), await must(two.open(path, readWrite | openFlags.append))]
  for (let each = 0; each < 20; each++) {
    await must(one.write(first, `one ${each}\n`))
    await must(two.write(second, `two ${each}\n`))
  }
  const wanted = Array.from({ length: 20 }, (_, each) => `one ${each}\ntwo ${each}\n`).join('')
  t.same(String(await two.pread(second, 10_000, 0)), wanted, 'each write goes to the end that there is')
  await must(one.ftruncate(first, 3))
  await must(two.pwrite(second, 'x', 0))
  t.same(String(await two.pread(second, 100, 0)), 'onex', 'pwrite too, as Linux has it')
}
