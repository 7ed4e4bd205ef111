// Leases (F_SETLEASE): the kernel's own, too. All opens come through this kernel, so it sees every one that has to break
// a lease.
import t from 'tap'
import { fcntlCommand, lockType, openFlags, signalNumber } from './call-flags.js'
import { must } from './call-results.js'
import { posixMount, stranger, user, whyNoPosixMount } from './posix-mount.js'

t.setTimeout(300_000)
const skip = whyNoPosixMount()
const { read, write, none } = lockType
const { setLease, getLease } = fcntlCommand

t.test('leases', { skip }, async (t) => {
  const mount = await posixMount(t)
  const room = await mount.room({ mode: 0o777 })
  const path = `${room}/file`
  const [holder, other] = [mount.process(user), mount.process(user)]
  await must(holder.close(await must(holder.open(path, openFlags.create | openFlags.writeOnly, 0o666))))

  await t.test('what is granted', async (t) => {
    const fd = await must(holder.open(path, openFlags.readOnly))
    t.equal(await holder.fcntl(fd, getLease, 0), none)
    t.equal(await holder.fcntl(fd, setLease, read), 0)
    t.equal(await holder.fcntl(fd, getLease, 0), read)
    t.equal(await holder.fcntl(fd, setLease, none), 0)
    const writing = await must(other.open(path, openFlags.writeOnly))
    t.equal(await holder.fcntl(fd, setLease, read), 'EAGAIN', 'not while somebody writes')
    await must(other.close(writing))
    const reading = await must(other.open(path, openFlags.readOnly))
    const both = await must(holder.open(path, openFlags.readWrite))
    t.equal(await holder.fcntl(both, setLease, write), 'EAGAIN', 'not for writing while somebody else has it open')
    for (const one of [fd, both]) await must(holder.close(one))
    await must(other.close(reading))
    const as = mount.as(stranger)
    const foreign = await must(as.open(path, openFlags.readOnly))
    t.equal(await as.fcntl(foreign, setLease, read), 'EACCES', 'not of another user\'s file')
    await must(as.close(foreign))
  })
  for (const { lease, mode, opens } of [
    { lease: read, mode: openFlags.readOnly, opens: openFlags.writeOnly }, { lease: write, mode: openFlags.readWrite, opens: openFlags.readOnly },
    { lease: write, mode: openFlags.readWrite, opens: openFlags.writeOnly },
  ]) {
    await t.test(`a lease of type ${lease} is broken by an open with ${opens}`, async (t) => {
      const fd = await must(holder.open(path, mode))
      t.equal(await holder.fcntl(fd, setLease, lease), 0)
      t.equal(await other.open(path, opens | openFlags.nonBlocking), 'EAGAIN', 'who does not wait is told')
      t.strictSame(await holder.signals(10_000), [signalNumber.io], 'and the holder, by a signal')
      const opening = other.open(path, opens)
      t.equal(await holder.fcntl(fd, setLease, none), 0)
      const opened = await must(opening)
      t.equal(typeof opened, 'number', 'who waits opens it when the lease is given back')
      await must(other.close(opened))
      await must(holder.close(fd))
    })
  }
  await t.test('truncate(2) breaks one, an open for reading does not break one for reading', async (t) => {
    const fd = await must(holder.open(path, openFlags.readOnly))
    t.equal(await holder.fcntl(fd, setLease, read), 0)
    await must(other.close(await must(other.open(path, openFlags.readOnly))))
    t.strictSame(await holder.signals(0), [])
    const cutting = other.truncate(path, 5)
    t.strictSame(await holder.signals(10_000), [signalNumber.io])
    t.equal(await holder.fcntl(fd, setLease, none), 0)
    t.equal(await cutting, 0)
    await must(holder.close(fd))
  })
})
