// mkfifo(3), and that what is written into a fifo comes out of it.
import t from 'tap'
import { openFlags } from '../call-flags.js'
import { must } from '../call-results.js'
import { posixMount, whyNoPosixMount } from '../posix-mount.js'
import { creates } from './creation.js'
import { refusesPaths } from './path-errors.js'

t.setTimeout(300_000)
const skip = whyNoPosixMount()

t.test('mkfifo', { skip }, async (t) => {
  const mount = await posixMount(t)

  await t.test('modes, owners, times', async (t) => {
    await creates(t, mount, { name: 'mkfifo', type: 'fifo', make: (as, path, mode) => as.mkfifo(path, mode) })
  })
  await t.test('between processes', async (t) => {
    const room = await mount.room()
    const [writer, reader] = [mount.process(), mount.process()]
    await must(writer.mkfifo(`${room}/fifo`))
    const opening = reader.open(`${room}/fifo`, openFlags.readOnly)
    const to = await must(writer.open(`${room}/fifo`, openFlags.writeOnly))
    const from = await must(opening)
    t.equal(await writer.write(to, 'through'), 7)
    t.same(await reader.read(from, 100), Buffer.from('through'))
    t.equal((await must(writer.stat(`${room}/fifo`))).size, 0)
    await must(writer.close(to))
    t.same(await reader.read(from, 100), Buffer.alloc(0), 'the end, when nobody writes any more')
  })
  await t.test('paths', async (t) => {
    await refusesPaths(t, mount, { name: 'mkfifo', call: (as, path) => as.mkfifo(path), wants: 'nothing', follows: false, changesFolder: true })
  })
})
