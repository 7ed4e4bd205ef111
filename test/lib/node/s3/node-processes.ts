// Two processes of one node over one bucket: what one was told the other knows, also while both are written to, and after
// one was killed.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { concatBytes, equalBytes, hex } from '../../../../lib/terms/bytes.js'
import { decodeFrames, encodeFrames, encodeIds } from '../../../../lib/wire/blob-frames.js'
import { decodeHeadList } from '../../../../lib/wire/signed-lists.js'
import { pairTestDevice, TestClient, TestOwner, testBlobs } from '../../../support/node-client.js'

const program = join(import.meta.dirname, '../../../../../bin/vaultfs')

interface NodeProcess {
  readonly child: ChildProcess
  /** Of the node itself, which the launcher waits for. */
  readonly pid: number
  readonly place: string
}

export function processTests(t: Test, { folder, address, credentialsPath }: { readonly folder: string; readonly address: string; readonly credentialsPath: string }): void {
  const data = (name: string): string => join(folder, name)
  const vaultfs = (...args: readonly string[]): string => execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, HOME: folder } })
  const children: ChildProcess[] = []
  const run = async (name: string): Promise<NodeProcess> => {
    const noted = join(data(name), 'running.json')
    rmSync(noted, { force: true })
    const child = spawn(program, ['node', 'run', '--data', data(name), '--listen', '127.0.0.1:0'], { stdio: 'ignore', env: { ...process.env, HOME: folder } })
    children.push(child)
    for (let attempt = 0; attempt < 300 && !existsSync(noted); attempt++) await sleep(100)
    await sleep(100)
    const { pid, listen } = JSON.parse(readFileSync(noted, 'utf8')) as { readonly pid: number; readonly listen: string }
    return { child, pid, place: listen }
  }
  const end = async (child: ChildProcess): Promise<number | null> => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM')
      await once(child, 'exit')
    }
    return child.exitCode
  }

  t.test('a node of two processes over one bucket', async (t) => {
    t.teardown(async () => { for (const child of children) await end(child) })
    let said = ''
    try {
      vaultfs('node', 'init', '--data', data('wrong'), '--blobs', address.replace('://', '://no-such-'), '--credentials', credentialsPath)
    } catch (error) {
      said = (error as { readonly stderr: string }).stderr
    }
    t.match(said, /there is no such bucket/)
    t.notOk(existsSync(join(data('wrong'), 'node.json')), 'no node is made that could not start')
    vaultfs('node', 'init', '--data', data('one'), '--name', 'shared', '--listen', '127.0.0.1:0', '--blobs', address, '--credentials', credentialsPath)
    cpSync(data('one'), data('two'), { recursive: true })
    const [one, two] = [await run('one'), await run('two')]
    const owner = new TestOwner(40)
    const [first, second] = [await owner.device(1), await owner.device(2)]
    const paired = await pairTestDevice(first, vaultfs('node', 'invite', '--data', data('one')).trim())
    t.equal(paired.status, 200)
    t.equal((await pairTestDevice(second, vaultfs('node', 'invite', '--data', data('two')).trim())).status, 200)
    // Each looks every two seconds what the other was told.
    await sleep(5000)
    const clients = [[one, first], [two, first], [one, second], [two, second]].map((pair) => new TestClient({ place: (pair[0] as NodeProcess).place, identity: (pair[1] as typeof first).parts.identity }))
    t.teardown(() => { for (const client of clients) client.close() })
    const [oneFirst, twoFirst, oneSecond, twoSecond] = clients as [TestClient, TestClient, TestClient, TestClient]
    const blobs = testBlobs(1, 40)
    t.equal((await oneFirst.ask('putBlobs', { body: concatBytes(...encodeFrames(blobs.slice(0, 20))) })).status, 200)
    t.equal((await twoSecond.ask('putBlobs', { body: concatBytes(...encodeFrames(blobs.slice(10))) })).status, 200)
    const ids = encodeIds(blobs.map(({ blobId }) => blobId))
    for (const client of clients) {
      t.ok((await client.ask('hasBlobs', { body: ids })).body.every((here) => here === 1), 'all are here, whomever one asks')
      const frames = decodeFrames((await client.ask('getBlobs', { body: ids })).body, 100)
      t.ok(blobs.every(({ sealed }, at) => equalBytes(frames[at]?.sealed ?? new Uint8Array(0), sealed)))
    }
    const chains = [first.entries(30), second.entries(30)] as const
    const parameters = (device: typeof first): { device: string } => ({ device: hex(device.parts.deviceId) })
    // Each device sends its chain to both at the same time, in pieces that overlap.
    const sending = [[oneFirst, first, chains[0]], [twoFirst, first, chains[0]], [oneSecond, second, chains[1]], [twoSecond, second, chains[1]]] as const
    const answers = await Promise.all(sending.map(async ([client, device, entries], who) => {
      const statuses: number[] = []
      for (let at = 0; at < 30; at += 3) statuses.push((await client.ask('appendEntries', { parameters: parameters(device), body: concatBytes(...entries.slice(Math.max(at - who, 0), at + 3)) })).status)
      return statuses
    }))
    t.ok(answers.flat().every((status) => status === 200), 'the same entries by two ways are no conflict')
    const told = JSON.parse(vaultfs('node', 'status', '--data', data('two'), '--json')) as { readonly blobs: number; readonly vaults: number }
    t.match(told, { blobs: 40, vaults: 1 })
    const wanted = [first, second].map((device) => ({ device: hex(device.parts.deviceId), sequence: 30, hash: hex(device.head.hash) })).sort((a, b) => a.device < b.device ? -1 : 1)
    const publicKey = paired.answer?.signing ?? new Uint8Array(32)
    for (const client of clients) {
      const { heads } = decodeHeadList((await client.ask('heads')).body, { vaultId: owner.vaultId, publicKey })
      t.same(heads.map(({ deviceId, sequence, hash }) => ({ device: hex(deviceId), sequence, hash: hex(hash) })), wanted, 'and the heads')
      t.ok(equalBytes((await client.ask('readEntries', { parameters: parameters(first), query: { after: 0 } })).body, concatBytes(...chains[0])), 'and the chains')
    }
    process.kill(one.pid, 'SIGKILL')
    await once(one.child, 'exit')
    const more = second.entries(2)
    t.equal((await twoSecond.ask('appendEntries', { parameters: parameters(second), body: concatBytes(...more) })).status, 200, 'one is enough')
    const again = await run('one')
    const later = new TestClient({ place: again.place, identity: second.parts.identity })
    t.teardown(() => { later.close() })
    t.equal(decodeHeadList((await later.ask('heads')).body, { vaultId: owner.vaultId, publicKey }).heads.find(({ deviceId }) => equalBytes(deviceId, second.parts.deviceId))?.sequence, 32, 'and the other knows it when it is back')
    t.equal(await end(again.child), 0)
    t.equal(await end(two.child), 0)
  })
}
