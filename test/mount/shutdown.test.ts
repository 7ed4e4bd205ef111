// FS_IOC_SHUTDOWN: as a power cut, without one. Who may, and what is left.
import { spawn } from 'node:child_process'
import t from 'tap'
import type { Attributes } from '../../native-deps/fuse/handler.js'
import { TestVault } from '../support/open-vault.js'

const EIO = -5
const EPERM = -1
const me = { uid: 0xffffffff, gid: 0xffffffff, pid: process.pid, onAbort: () => undefined }

async function make(vault: TestVault, name: string): Promise<number> {
  const made = await vault.operations.create(1, name, 0o644, 0, 0, me)
  if (typeof made === 'number') throw new Error(`not made: ${made}`)
  return made.attributes.ino
}

t.test('nothing is answered any more; what was synced or logged is there afterwards, and what was in memory is not', async (t) => {
  const vault = await TestVault.open()
  t.teardown(() => vault.remove())
  const flags = { fromCache: false, killSuidGid: false, append: false }
  const synced = await make(vault, 'synced')
  await vault.operations.write(synced, 0, 0, Buffer.from('synced'), flags)
  t.equal(await vault.operations.fsync(synced), 0)
  const dirty = await make(vault, 'dirty')
  await vault.operations.write(dirty, 0, 0, Buffer.from('dirty'), flags)
  t.equal(await vault.operations.shutdown(me), 0)
  t.equal(await vault.operations.shutdown(me), EIO, 'it is down')
  t.equal(await vault.operations.getattr(synced), EIO)
  t.equal(await vault.operations.read(synced, 0, 0, 6), EIO)
  t.equal(await vault.operations.write(synced, 0, 0, Buffer.from('later'), flags), EIO)
  t.equal(await vault.operations.fsync(synced), EIO)
  t.equal(await vault.operations.unlink(1, 'synced'), EIO)
  t.equal(vault.operations.afterBatch(), 0)
  await t.rejects(vault.vault.publishAll(), { code: 'io' })
  await vault.close()

  const again = await TestVault.open({ store: vault.store })
  t.teardown(() => again.close())
  t.equal(Buffer.from(await again.operations.read(synced, 0, 0, 6) as Uint8Array).toString(), 'synced')
  t.equal((await again.operations.lookup(1, 'dirty') as Attributes).size, 0)
})

t.test('another user may not', { skip: process.geteuid?.() === 0 ? false : 'another user needs root' }, async (t) => {
  const vault = await TestVault.open()
  t.teardown(() => vault.remove())
  const other = spawn('sleep', ['60'], { uid: 65534, gid: 65534, cwd: '/' })
  await new Promise((resolve) => other.once('spawn', resolve))
  t.equal(await vault.operations.shutdown({ ...me, pid: other.pid ?? 0 }), EPERM)
  other.kill('SIGKILL')
  await new Promise((resolve) => other.once('exit', resolve))
  t.equal(await vault.operations.shutdown({ ...me, pid: other.pid ?? 0 }), EPERM, 'one that is gone')
  t.type(await vault.operations.getattr(1), 'object')
})
