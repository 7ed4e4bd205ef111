// Bytes on the wire for changes of each kind: a mounted vault, a node, and a relay between them that counts. What a change
// is: the bytes that a program wrote, names included.
import { execFile } from 'node:child_process'
import { appendFile, mkdir, open, rename, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { environmentIn, prepareHome } from '../../fault/nodes/scene.js'
import { NodeProcess } from '../../fault/nodes/node-process.js'
import { Random } from '../../model/random.js'
import { projectRoot } from '../../tidy/source.js'
import { Relay } from './relay.js'

const MiB = 1024 * 1024
const vaultfs = join(projectRoot(import.meta.dirname), 'bin/vaultfs')
/** Until what follows by itself (an inventory, a list of heads) has been carried too. */
const settleMs = 3000

interface Change {
  readonly name: string
  /** What a program wrote. */
  readonly bytes: number
  readonly make: () => Promise<void>
}

interface Row {
  readonly name: string
  readonly bytes: number
  readonly up: number
  readonly down: number
  readonly blobs: number
  readonly sealedBytes: number
}

export async function bytesTable(home: string): Promise<readonly Row[]> {
  prepareHome(home)
  const relay = await Relay.open()
  relay.port = await freePort()
  const node = new NodeProcess({ data: join(home, 'node'), name: 'node', listen: `127.0.0.1:${relay.port}`, advertise: relay.place, inside: [] })
  await node.start()
  const mountPoint = join(home, 'Vault')
  await mkdir(mountPoint, { mode: 0o700 })
  const run = async (...args: readonly string[]): Promise<string> => (await promisify(execFile)(vaultfs, args, { env: environmentIn(home), cwd: '/' })).stdout
  const secret = ['--store', join(home, 'store'), '--passphrase-file', join(home, 'passphrase')]
  const sent = async (): Promise<{ readonly blobs: number; readonly bytes: number }> => {
    const { peers } = JSON.parse(await run('status', '--json', mountPoint)) as { readonly peers: readonly { readonly sentBlobs: number; readonly sentBytes: number }[] }
    return { blobs: peers[0]?.sentBlobs ?? 0, bytes: peers[0]?.sentBytes ?? 0 }
  }
  const settled = async (): Promise<void> => {
    await run('sync', '--wait', mountPoint)
    await delay(settleMs)
  }
  await run('init', ...secret, '--recovery', 'later', '--kdf-memory-mib', '64', '--kdf-passes', '1')
  await run('mount', mountPoint, ...secret)
  const rows: Row[] = []
  try {
    await writeFile(join(home, 'code'), node.invite(), { mode: 0o600 })
    await run('peer', 'add', '--code-file', join(home, 'code'), '--name', 'node', mountPoint)
    await writeFile(join(mountPoint, 'notes.txt'), 'a line\n'.repeat(1000))
    await settled()
    for (const { name, bytes, make } of changesIn(mountPoint)) {
      const [wireBefore, sentBefore] = [relay.carried, await sent()]
      await make()
      await settled()
      const [wire, now] = [relay.carried, await sent()]
      const row = { name, bytes, up: wire.up - wireBefore.up, down: wire.down - wireBefore.down, blobs: now.blobs - sentBefore.blobs, sealedBytes: now.bytes - sentBefore.bytes }
      rows.push(row)
      console.log(`  ${name}: ${row.up} up, ${row.down} down`)
    }
    const idle = relay.carried
    await delay(60_000)
    rows.push({ name: 'nothing, 60 s', bytes: 0, up: relay.carried.up - idle.up, down: relay.carried.down - idle.down, blobs: 0, sealedBytes: 0 })
    return rows
  } finally {
    await run('unmount', mountPoint)
    await node.stop()
    relay.close()
  }
}

function changesIn(mountPoint: string): readonly Change[] {
  const random = new Random(11)
  const folder = join(mountPoint, 'many')
  const large = join(mountPoint, 'large')
  const line = 'one more line of notes\n'
  return [
    { name: 'nothing (`sync --wait`)', bytes: 0, make: () => Promise.resolve() },
    { name: '64 MiB of noise', bytes: 64 * MiB, make: () => writeFile(large, random.bytes(64 * MiB)) },
    {
      name: 'one byte within 64 MiB', bytes: 1, make: async () => {
        const file = await open(large, 'r+')
        await file.write(random.bytes(1), 0, 1, 32 * MiB + 12_345)
        await file.close()
      },
    },
    {
      name: '1000 files of 1 KiB', bytes: 1000 * 1024, make: async () => {
        await mkdir(folder)
        for (let index = 0; index < 1000; index++) await writeFile(join(folder, `file-${index}`), random.bytes(1024))
      },
    },
    { name: 'a folder of 1000 files renamed', bytes: 'elsewhere'.length, make: () => rename(folder, join(mountPoint, 'elsewhere')) },
    { name: 'a line added to a text', bytes: line.length, make: () => appendFile(join(mountPoint, 'notes.txt'), line) },
    {
      name: 'a line added, 20 times a second apart', bytes: 20 * line.length, make: async () => {
        for (let index = 0; index < 20; index++) {
          await appendFile(join(mountPoint, 'notes.txt'), line)
          await delay(1000)
        }
      },
    },
  ]
}

/** In thousands, with what it is to the change. */
export function tableText(rows: readonly Row[]): string {
  const number = (value: number): string => String(value).replace(/\B(?=(\d{3})+$)/g, ' ')
  return [
    '| change | its bytes | blobs sent | in them and in entries | on the wire, up | down | wire per byte |', '|---|---|---|---|---|---|---|',
    ...rows.map(({ name, bytes, blobs, sealedBytes, up, down }) => `| ${name} | ${number(bytes)} | ${blobs} | ${number(sealedBytes)} | ${number(up)} | ${number(down)} | ${bytes < 100 ? '' : ((up + down) / bytes).toFixed(2)} |`),
  ].join('\n')
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => { server.close(resolve) })
  return port
}
