// Upload and download of the same data: a vault with a node, restic and rclone, each to a server of its own on the other side
// of loopback or of a link with latency. `npm run bench:sync -- [--mebibytes 512] [--delay-ms 25] [--repetitions 3] [--of vault,restic]`:
// a delay is each way; 0 is plain loopback. `--only bytes`: what changes of each kind cost on the wire, and nothing else
// (`--only rates`: the other half). restic's server is `rclone serve restic`, rclone's `rclone serve webdav`. Needs rclone and
// restic, and root for the link. What is uploaded is durable at the vault's node; the others' servers promise less.
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { NodeProcess } from '../fault/nodes/node-process.js'
import { Network } from '../fault/nodes/network.js'
import { until } from '../fault/torture/vault-rig.js'
import { Random } from '../model/random.js'
import { environmentIn, prepareHome } from '../fault/nodes/scene.js'
import { projectRoot } from '../tidy/source.js'
import { bytesTable, tableText } from './sync-bytes/table.js'

const { values } = parseArgs({ options: { mebibytes: { type: 'string', default: '512' }, 'delay-ms': { type: 'string', default: '0' }, repetitions: { type: 'string', default: '3' }, only: { type: 'string' }, of: { type: 'string', default: 'vault,restic,rclone' } } })
const MiB = 1024 * 1024
const total = Number(values.mebibytes) * MiB
const delayMs = Number(values['delay-ms'])
const smallFiles = 2000
const folder = mkdtempSync(join(tmpdir(), 'vaultfs-sync-'))
const network = delayMs > 0 ? await Network.open(1) : undefined
network?.setLink(0, { delayMs, jitterMs: 0, lossPercent: 0 })
const host = network?.address(0) ?? '127.0.0.1'
const client: readonly string[] = network?.inside(network.client) ?? []
const server: readonly string[] = network?.inside(network.node(0)) ?? []
const vaultfs = join(projectRoot(import.meta.dirname), 'bin/vaultfs')
const source = join(folder, 'source')

/** Half of it large files, and two thousand small ones: noise, which nobody can make smaller. */
function makeSource(): void {
  mkdirSync(join(source, 'small'), { recursive: true })
  const random = new Random(7)
  const block = random.bytes(MiB)
  const fill = (path: string, bytes: number): void => {
    const content = Buffer.alloc(bytes)
    for (let at = 0; at < bytes; at += MiB) {
      content.set(block.subarray(0, Math.min(MiB, bytes - at)), at)
      // No two blocks are equal.
      content.writeUInt32BE(random.below(2 ** 32), at)
      for (let word = at; word + 4 <= Math.min(at + MiB, bytes); word += 1024) content.writeUInt32BE(random.below(2 ** 32), word)
    }
    writeFileSync(path, content)
  }
  let left = total
  for (let index = 0; index < smallFiles; index++) {
    const bytes = 1024 + random.below(30_000)
    fill(join(source, 'small', String(index)), bytes)
    left -= bytes
  }
  for (let index = 0; left > 0; index++) {
    const bytes = Math.min(left, MiB + random.below(48 * MiB))
    fill(join(source, `large-${String(index)}`), bytes)
    left -= bytes
  }
}

function run(words: readonly string[], environment: NodeJS.ProcessEnv = process.env): string {
  const [program = '', ...args] = words
  const { status, stdout, stderr } = spawnSync(program, args, { env: environment, encoding: 'utf8', cwd: '/', maxBuffer: 64 * MiB })
  if (status !== 0) throw new Error(`${words.join(' ')} ended with ${String(status)}: ${stdout}${stderr}`)
  return stdout
}

async function listening(port: number): Promise<void> {
  await until(() => spawnSync(client[0] ?? 'bash', [...client.slice(1), ...(client.length > 0 ? ['bash'] : []), '-c', `exec 3<>/dev/tcp/${host}/${String(port)}`], { stdio: 'ignore' }).status === 0, `nothing listens on ${String(port)}`)
}

function serve(words: readonly string[]): ChildProcess {
  const [program = '', ...args] = [...server, ...words]
  return spawn(program, args, { stdio: 'ignore' })
}

const seconds = (began: number): number => (performance.now() - began) / 1000

interface Result {
  /** MB/s of the source's bytes. */
  readonly up: number
  readonly down: number
}

const rate = (took: number): number => total / 1e6 / took

async function vaultRound(home: string): Promise<Result> {
  prepareHome(home)
  const environment = environmentIn(home)
  const mine = (...args: readonly string[]): string => run([...client, vaultfs, ...args], environment)
  const node = new NodeProcess({ data: join(home, 'node'), name: 'node', listen: `${host}:7300`, inside: server })
  await node.start()
  const mountPoint = join(home, 'Vault')
  mkdirSync(mountPoint, { mode: 0o700 })
  const secret = ['--store', join(home, 'store'), '--passphrase-file', join(home, 'passphrase')]
  try {
    mine('init', ...secret, '--recovery', 'later')
    mine('mount', mountPoint, ...secret)
    writeFileSync(join(home, 'code'), node.invite(), { mode: 0o600 })
    mine('peer', 'add', '--code-file', join(home, 'code'), '--name', 'node', mountPoint)
    const began = performance.now()
    run(['cp', '-r', `${source}/.`, mountPoint])
    const copied = seconds(began)
    mine('sync', '--wait', mountPoint)
    const up = seconds(began)
    console.log(`  vault: copied in ${copied.toFixed(1)} s, on the node after ${up.toFixed(1)} s`)
    mine('unmount', mountPoint)
    const text = mine('recovery', 'show', ...secret)
    writeFileSync(join(home, 'words'), [...text.matchAll(/(\d+)\.\s+([a-z]+)/g)].toSorted(([, one], [, other]) => Number(one) - Number(other)).map(([, , word]) => word).join(' '), { mode: 0o600 })
    const address = mine('peer', 'list', ...secret).split(/\s+/).find((word) => word.startsWith(`${host}:`)) ?? ''
    const other = join(home, 'other')
    prepareHome(other)
    const back = performance.now()
    run([...client, vaultfs, 'recover', '--store', join(other, 'store'), '--node', address, '--recovery-file', join(home, 'words'), '--new-passphrase-file', join(other, 'passphrase')], environmentIn(other))
    const down = seconds(back)
    console.log(`  vault: recovered and verified in ${down.toFixed(1)} s`)
    return { up: rate(up), down: rate(down) }
  } finally {
    spawnSync('umount', ['-l', mountPoint], { stdio: 'ignore' })
    await node.kill()
  }
}

async function resticRound(home: string): Promise<Result> {
  mkdirSync(join(home, 'repository'), { recursive: true })
  const process = serve(['rclone', 'serve', 'restic', '--addr', `${host}:7301`, join(home, 'repository')])
  try {
    await listening(7301)
    const environment = { ...globalThis.process.env, RESTIC_PASSWORD: 'bench', HOME: home, RESTIC_REPOSITORY: `rest:http://${host}:7301/` }
    run([...client, 'restic', 'init'], environment)
    const began = performance.now()
    run([...client, 'restic', 'backup', source], environment)
    const up = seconds(began)
    const back = performance.now()
    run([...client, 'restic', 'restore', 'latest', '--target', join(home, 'back')], environment)
    return { up: rate(up), down: rate(seconds(back)) }
  } finally {
    process.kill()
  }
}

async function rcloneRound(home: string): Promise<Result> {
  mkdirSync(join(home, 'files'), { recursive: true })
  const process = serve(['rclone', 'serve', 'webdav', '--addr', `${host}:7302`, join(home, 'files')])
  try {
    await listening(7302)
    const remote = `:webdav,url="http://${host}:7302":`
    const environment = { ...globalThis.process.env, HOME: home }
    const began = performance.now()
    run([...client, 'rclone', 'copy', source, remote], environment)
    const up = seconds(began)
    const back = performance.now()
    run([...client, 'rclone', 'copy', remote, join(home, 'back')], environment)
    return { up: rate(up), down: rate(seconds(back)) }
  } finally {
    process.kill()
  }
}

const allRounds = { vault: vaultRound, restic: resticRound, rclone: rcloneRound }
const rounds = Object.fromEntries(Object.entries(allRounds).filter(([name]) => values.of.split(',').includes(name)))

async function compareRates(): Promise<void> {
  const results = new Map<string, Result[]>()
  makeSource()
  console.log(`${values.mebibytes} MiB, ${String(delayMs)} ms each way, ${execFileSync('restic', ['version'], { encoding: 'utf8' }).trim()}, ${execFileSync('rclone', ['version'], { encoding: 'utf8' }).split('\n')[0] ?? ''}`)
  for (let repetition = 0; repetition < Number(values.repetitions); repetition++) {
    for (const [name, round] of Object.entries(rounds)) {
      const home = join(folder, `${name}-${String(repetition)}`)
      const result = await round(home)
      results.set(name, [...(results.get(name) ?? []), result])
      console.log(`${name}: ${result.up.toFixed(1)} MB/s up, ${result.down.toFixed(1)} MB/s down; load ${readFileSync('/proc/loadavg', 'latin1').split(' ')[0] ?? ''}`)
      rmSync(home, { recursive: true, force: true })
    }
  }
  const median = (name: string, of: (result: Result) => number): number => (results.get(name) ?? []).map(of).toSorted((one, other) => one - other)[Math.floor((results.get(name)?.length ?? 0) / 2)] ?? NaN
  console.log('\n| | up, MB/s | down, MB/s |\n|---|---|---|')
  for (const name of Object.keys(rounds)) console.log(`| ${name} | ${median(name, ({ up }) => up).toFixed(1)} | ${median(name, ({ down }) => down).toFixed(1)} |`)
}

try {
  if (values.only !== 'bytes') await compareRates()
  if (values.only !== 'rates') console.log(`\nbytes on the wire, TLS included\n${tableText(await bytesTable(join(folder, 'bytes')))}`)
} finally {
  network?.close()
  rmSync(folder, { recursive: true, force: true })
}
