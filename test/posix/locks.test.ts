// Locks between processes: the kernel's own, which are exact as long as all come through one mount. POSIX records, locks
// of an open file description, and flock(2).
import t, { type Test } from 'tap'
import { flockType, lockCommand, lockType, openFlags } from './call-flags.js'
import { must } from './call-results.js'
import { posixMount, user, whyNoPosixMount, type PosixMount } from './posix-mount.js'
import type { SystemCalls } from './system-calls.js'

t.setTimeout(300_000)
const skip = whyNoPosixMount()
const { read, write, none } = lockType

t.test('locks', { skip }, async (t) => {
  const mount = await posixMount(t)
  const room = await mount.room({ mode: 0o777 })
  const path = `${room}/file`
  const [one, two] = [mount.process(user), mount.process(user)]
  const opened = async (as: SystemCalls): Promise<number> => await must(as.open(path, openFlags.create | openFlags.readWrite, 0o666))

  await t.test('records of two processes', async (t) => { await records(t, mount, path) })
  await t.test('who waits gets it when it is let go of', async (t) => {
    const [first, second] = [await opened(one), await opened(two)]
    await must(one.lock(first, lockCommand.set, write, 0, 100))
    let got = false
    const waiting = two.lock(second, lockCommand.wait, write, 50, 100).then((found) => {
      got = true
      return found
    })
    await must(one.stat(path))
    t.equal(got, false)
    await must(one.lock(first, lockCommand.set, none, 0, 100))
    t.match(await waiting, { type: write })
    // Each waits for the other: the kernel refuses the one that would close the circle.
    await must(one.lock(first, lockCommand.set, write, 0, 10))
    const held = one.lock(first, lockCommand.wait, write, 60, 10)
    await until(async () => (await blocked(one)))
    t.equal(await two.lock(second, lockCommand.wait, write, 0, 10), 'EDEADLK')
    await must(two.lock(second, lockCommand.set, none))
    t.match(await held, { type: write })
    await must(one.close(first))
    await must(two.close(second))
  })
  await t.test('closing any descriptor of the file lets go of the records, not of a lock of another description', async (t) => {
    const [first, again, second] = [await opened(one), await opened(one), await opened(two)]
    await must(one.lock(first, lockCommand.set, write))
    await must(one.lock(again, lockCommand.setOpen, none))
    await must(one.close(again))
    t.match(await two.lock(second, lockCommand.get, write), { type: none }, 'POSIX records are gone')
    await must(one.lock(first, lockCommand.setOpen, write, 0, 10))
    const other = await opened(one)
    t.equal(await one.lock(other, lockCommand.setOpen, write, 0, 10), 'EAGAIN', 'the same process, another description')
    await must(one.close(other))
    t.match(await two.lock(second, lockCommand.getOpen, write, 0, 10), { type: write, pid: -1 }, 'it is still held')
    await must(one.close(first))
    t.match(await two.lock(second, lockCommand.getOpen, write, 0, 10), { type: none })
    await must(two.close(second))
  })
  await t.test('flock', async (t) => {
    const [first, second] = [await opened(one), await opened(two)]
    const { shared, exclusive, nonBlocking, none: free } = flockType
    t.equal(await one.flock(first, shared), 0)
    t.equal(await two.flock(second, shared | nonBlocking), 0)
    t.equal(await two.flock(second, exclusive | nonBlocking), 'EAGAIN')
    await must(one.flock(first, free))
    t.equal(await two.flock(second, exclusive | nonBlocking), 0)
    t.equal(await one.flock(first, shared | nonBlocking), 'EAGAIN')
    const waiting = one.flock(first, exclusive)
    await must(two.close(second))
    t.equal(await waiting, 0)
    const renamed = await opened(two)
    await must(two.rename(path, `${path}-new`))
    t.equal(await two.flock(renamed, exclusive | nonBlocking), 'EAGAIN', 'it is the file that is locked, not its name')
    await must(two.rename(`${path}-new`, path))
    const duplicate = await must(one.dup(first))
    await must(one.close(first))
    t.equal(await two.flock(renamed, exclusive | nonBlocking), 'EAGAIN', 'held until the last duplicate is closed')
    await must(one.close(duplicate))
    t.equal(await two.flock(renamed, exclusive | nonBlocking), 0)
    const folder = await must(one.open(room, openFlags.readOnly))
    t.equal(await one.flock(folder, exclusive), 0, 'directories too')
    await must(two.close(renamed))
    await must(one.close(folder))
  })
  await t.test('a process that is killed holds nothing', async (t) => {
    const dying = mount.process(user)
    const fd = await opened(dying)
    const second = await opened(two)
    await must(dying.lock(fd, lockCommand.set, write))
    await must(dying.flock(fd, flockType.exclusive))
    t.match(await two.lock(second, lockCommand.get, write), { type: write, pid: dying.pid })
    await dying.end()
    await until(async () => (await must(two.lock(second, lockCommand.get, write))).type === none)
    t.equal(await two.flock(second, flockType.exclusive | flockType.nonBlocking), 0)
    t.match(await two.lock(second, lockCommand.set, write), { type: write })
  })
})

/** Every two types, beside each other and over each other. */
async function records(t: Test, mount: PosixMount, path: string): Promise<void> {
  const [one, two] = [mount.process(user), mount.process(user)]
  const first = await must(one.open(path, openFlags.create | openFlags.readWrite, 0o666))
  const second = await must(two.open(path, openFlags.readWrite))
  for (const [set, get] of [[lockCommand.set, lockCommand.get], [lockCommand.setOpen, lockCommand.getOpen]] as const) {
    for (const held of [read, write]) for (const asked of [read, write]) for (const [start, length, overlaps] of [[0, 0, true], [100, 10, true], [95, 6, true], [109, 1, true], [110, 5, false], [90, 10, false]] as const) {
      await must(one.lock(first, set, held, 100, 10))
      const clashes = overlaps && (held === write || asked === write)
      const what = `${held} held, ${asked} asked for at ${start}+${length}`
      t.match(await two.lock(second, get, asked, start, length), clashes ? { type: held, start: 100, length: 10, pid: set === lockCommand.set ? one.pid : -1 } : { type: none }, `${what}: told`)
      t.match(await two.lock(second, set, asked, start, length), clashes ? /EAGAIN/ : { type: asked }, what)
      await must(two.lock(second, set, none))
      await must(one.lock(first, set, none))
    }
  }
  // A hole in the middle of what is held leaves both sides.
  await must(one.lock(first, lockCommand.set, write, 0, 100))
  await must(one.lock(first, lockCommand.set, none, 40, 20))
  for (const [start, free] of [[0, false], [39, false], [40, true], [59, true], [60, false], [99, false], [100, true]] as const) {
    t.equal((await must(two.lock(second, lockCommand.get, write, start, 1))).type === none, free, `byte ${start}`)
  }
  await must(one.close(first))
  t.equal((await must(two.lock(second, lockCommand.get, write))).type, none, 'close lets go')
  const reading = await must(two.open(path, openFlags.readOnly))
  t.equal(await two.lock(reading, lockCommand.set, write), 'EBADF', 'to lock for writing it has to be open for writing')
}

/** Looks again and again until it holds; the test's own time-out ends a wait that is in vain. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5))
}

async function blocked(process: SystemCalls): Promise<boolean> {
  const { readFile } = await import('node:fs/promises')
  return (await readFile('/proc/locks', 'latin1')).split('\n').some((line) => line.includes('->') && line.includes(` ${process.pid} `))
}
