// The node as a program: made, run, invited to and asked from the command line; killed in the middle of uploads, again and
// again, without losing what it has answered for.
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { concatBytes, equalBytes, hex } from '../../lib/terms/bytes.js'
import { decodeFrames, encodeFrames, encodeIds, type SealedBlob } from '../../lib/wire/blob-frames.js'
import { decodeHeadList } from '../../lib/wire/signed-lists.js'
import { readNodeKeys } from '../../lib/node/node-keys.js'
import { pairTestDevice, TestClient, TestOwner, testBlobs, type TestDevice } from '../support/node-client.js'

const program = join(import.meta.dirname, '..', '..', '..', 'bin', 'vaultfs')
const data = mkdtempSync(join(tmpdir(), 'vaultfs-node-'))
t.teardown(() => { rmSync(data, { recursive: true, force: true }) })

async function vaultfs(...words: string[]): Promise<{ readonly code: number; readonly out: string; readonly errors: string }> {
  try {
    const { stdout, stderr } = await promisify(execFile)(program, ['node', ...words, '--data', data])
    return { code: 0, out: stdout, errors: stderr }
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
    return { code, out: stdout, errors: stderr }
  }
}

interface Run {
  readonly launcher: ChildProcess
  readonly pid: number
  readonly place: string
}

/** Resolves when it listens. */
async function run(): Promise<Run> {
  const launcher = spawn(program, ['node', 'run', '--data', data, '--metrics', '127.0.0.1:0'], { stdio: ['ignore', 'ignore', 'pipe'] })
  t.teardown(() => { launcher.kill('SIGTERM') })
  let said = ''
  for await (const piece of launcher.stderr) {
    said += String(piece)
    if (/the node listens/.test(said)) break
  }
  launcher.stderr.resume()
  const { pid, listen } = JSON.parse((await vaultfs('status', '--json')).out) as { pid: number; listen: string }
  return { launcher, pid, place: listen }
}

t.test('from its making to its end', async (t) => {
  t.match(await vaultfs('status'), { code: 10, errors: /vaultfs node init/ })
  t.match(await vaultfs('init', '--name', 'attic', '--listen', '127.0.0.1:0', '--quota', '1G', '--keep', '14d'), { code: 0, out: /^attic in / })
  t.match(await vaultfs('init'), { code: 11 })
  t.match(await vaultfs('init', '--quota', 'much'), { code: 2 })
  t.equal(statSync(join(data, 'keys')).mode & 0o777, 0o600)
  t.match(JSON.parse((await vaultfs('status', '--json')).out), { name: 'attic', running: false, quota: 1024 ** 3, keepSeconds: 14 * 24 * 3600, vaults: 0 })
  const first = await run()
  t.match(await vaultfs('run'), { code: 23 }, 'one at a time')
  const owner = new TestOwner(1)
  const device = await owner.device(1)
  const { code } = JSON.parse((await vaultfs('invite', '--json')).out) as { code: string }
  t.match(await pairTestDevice(device, code), { status: 200, answer: { name: 'attic' } }, 'an invitation made beside the node that runs')
  t.match(JSON.parse((await vaultfs('peers', '--json')).out), { vaults: [{ vault: hex(owner.vaultId), devices: [{ name: 'device 1', revoked: false }] }] })
  t.match(await vaultfs('quota', hex(owner.vaultId).slice(0, 8), '--total', '1K'), { code: 0, out: /of 1.0 KiB/ })
  const client = new TestClient({ place: first.place, identity: device.parts.identity })
  const body = concatBytes(...encodeFrames(testBlobs(1, 1)))
  await until(async () => (await client.ask('putBlobs', { body })).status === 507)
  t.match(await vaultfs('quota', hex(owner.vaultId).slice(0, 8), '--total', 'default'), { code: 0, out: /of 1.0 GiB/ })
  await until(async () => (await client.ask('putBlobs', { body })).status === 200)
  t.match(await vaultfs('remove', hex(owner.vaultId)), { code: 0 })
  await until(async () => client.ask('health').then(() => false, () => true))
  const again = JSON.parse((await vaultfs('invite', '--json')).out) as { code: string }
  t.match(await pairTestDevice(device, again.code), { status: 200 }, 'and it may be let in again')
  client.close()
  first.launcher.kill('SIGTERM')
  t.same(await once(first.launcher, 'exit'), [0, null], 'SIGTERM ends it well')
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const taken = `127.0.0.1:${(other.address() as AddressInfo).port}`
  t.match(await vaultfs('run', '--listen', taken), { code: 70, errors: /--listen/ }, 'a port that is taken ends it')
  t.match(await vaultfs('run', '--metrics', taken), { code: 70, errors: /--metrics/ })
  other.close()
})

t.test('killed while a device uploads', async (t) => {
  const device = await new TestOwner(1).device(1)
  const kept: SealedBlob[] = []
  let acknowledged = 0
  for (let round = 0; round < 3; round++) {
    const node = await run()
    const client = new TestClient({ place: node.place, identity: device.parts.identity })
    await requireKept(t, client, device, kept, acknowledged)
    const limit = kept.length + 40 + 7 * round
    const uploads = Array.from({ length: 3 }, (_, lane) => upload(client, 10_000 * (3 * round + lane + 1), (blobs) => {
      kept.push(...blobs)
      if (kept.length >= limit) process.kill(node.pid, 'SIGKILL')
    }))
    const entries = append(client, device, (sequence) => { acknowledged = sequence })
    await Promise.all([...uploads, entries])
    await once(node.launcher, 'exit')
    client.close()
  }
  const node = await run()
  const client = new TestClient({ place: node.place, identity: device.parts.identity })
  await requireKept(t, client, device, kept, acknowledged)
  t.ok(acknowledged > 0)
  client.close()
  node.launcher.kill('SIGTERM')
  await once(node.launcher, 'exit')
})

/** Until the node is gone. */
async function upload(client: TestClient, seed: number, onKept: (blobs: readonly SealedBlob[]) => void): Promise<void> {
  for (let batch = 0; ; batch++) {
    const blobs = testBlobs(seed + 20 * batch, 6, 60_000)
    try {
      const { status } = await client.ask('putBlobs', { body: concatBytes(...encodeFrames(blobs)) })
      if (status === 200) onKept(blobs)
    } catch {
      return
    }
  }
}

async function append(client: TestClient, device: TestDevice, onAcknowledged: (sequence: number) => void): Promise<void> {
  try {
    for (;;) {
      // What was sent and not answered for may be there or not: it is sent again.
      const { heads } = decodeHeadList((await client.ask('heads')).body, { vaultId: device.owner.vaultId, publicKey: signing() })
      const head = heads[0] ?? { sequence: 0, hash: new Uint8Array(32) as never }
      const { status } = await client.ask('appendEntries', { parameters: { device: hex(device.parts.deviceId) }, body: device.entry(head) })
      if (status === 200) onAcknowledged(head.sequence + 1)
    }
  } catch {
    // It was killed.
  }
}

const signing = (): Uint8Array => readNodeKeys(join(data, 'keys')).signPublicKey

async function requireKept(t: Checks, client: TestClient, device: TestDevice, kept: readonly SealedBlob[], acknowledged: number): Promise<void> {
  let whole = 0
  for (let at = 0; at < kept.length; at += 50) {
    const asked = kept.slice(at, at + 50)
    const frames = decodeFrames((await client.ask('getBlobs', { body: encodeIds(asked.map(({ blobId }) => blobId)) })).body, 50)
    whole += asked.filter(({ sealed }, index) => equalBytes(frames[index]?.sealed ?? new Uint8Array(0), sealed)).length
  }
  t.equal(whole, kept.length, `all ${kept.length} blobs are there`)
  const { heads } = decodeHeadList((await client.ask('heads')).body, { vaultId: device.owner.vaultId, publicKey: signing() })
  t.ok((heads[0]?.sequence ?? 0) >= acknowledged, `and the chain up to ${acknowledged} at least`)
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!await isSo()) await new Promise((resolve) => setTimeout(resolve, 100))
}

interface Checks {
  equal(found: unknown, wanted: unknown, message: string): boolean
  ok(found: unknown, message: string): boolean
}
