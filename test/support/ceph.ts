// A Ceph cluster of one machine on loopback, for an S3 store that is none of ours: monitor, manager, one OSD that keeps its
// objects in memory, and the gateway, with TLS too. It proves the protocol, not what Ceph does when a machine fails.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Ceph {
  readonly endpoint: string
  /** By TLS, with a certificate that `caPath` vouches for. */
  readonly secureEndpoint: string
  readonly caPath: string
  readonly keys: { readonly access: string; readonly secret: string }
  /** `radosgw-admin` and `ceph` against this cluster. */
  run(program: string, ...args: readonly string[]): string
  /** Kills the gateway, as a fault. */
  stopGateway(): Promise<void>
  startGateway(): Promise<void>
  stop(): Promise<void>
}

const programs = ['ceph', 'ceph-mon', 'ceph-mgr', 'ceph-osd', 'radosgw', 'radosgw-admin', 'ceph-authtool', 'monmaptool', 'openssl']

/** What is not installed; empty: it can be started. */
export function missingForCeph(): readonly string[] {
  return programs.filter((program) => {
    try {
      execFileSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' })
      return false
    } catch {
      return true
    }
  })
}

/** About 20 seconds, 900 MB of memory. */
export async function startCeph(): Promise<Ceph> {
  const folder = mkdtempSync(join(tmpdir(), 'vaultfs-ceph-'))
  for (const name of ['mon', 'mgr', 'osd', 'run']) mkdirSync(join(folder, name))
  const [monitor2, monitor1, plain, secure] = [await freePort(), await freePort(), await freePort(), await freePort()]
  const conf = join(folder, 'ceph.conf')
  const keyring = join(folder, 'keyring')
  const cluster = randomUUID()
  const keys = { access: 'VAULTFSKEY', secret: 'vaultfs+secret/for=tests' }
  const run = (program: string, ...args: readonly string[]): string => execFileSync(program, args, { env: { ...process.env, CEPH_CONF: conf }, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 })
  certify(folder, run)
  writeFileSync(conf, configuration({ folder, keyring, cluster, monitors: `[v2:127.0.0.1:${monitor2},v1:127.0.0.1:${monitor1}]`, plain, secure }))
  run('ceph-authtool', '--create-keyring', keyring, '--gen-key', '-n', 'mon.', '--cap', 'mon', 'allow *')
  const powers: readonly (readonly [string, readonly string[]])[] = [
    ['client.admin', ['mon', 'osd', 'mgr'].flatMap((who) => ['--cap', who, 'allow *'])],
    ['mgr.x', ['--cap', 'mon', 'allow profile mgr', '--cap', 'osd', 'allow *']],
    ['osd.0', ['--cap', 'mon', 'allow profile osd', '--cap', 'osd', 'allow *']],
    ['client.rgw', ['--cap', 'mon', 'allow rwx', '--cap', 'osd', 'allow rwx']],
  ]
  for (const [name, caps] of powers) run('ceph-authtool', keyring, '--gen-key', '-n', name, ...caps)
  const map = join(folder, 'monmap')
  run('monmaptool', '--create', '--addv', 'a', `[v2:127.0.0.1:${monitor2},v1:127.0.0.1:${monitor1}]`, '--fsid', cluster, map)
  run('ceph-mon', '-c', conf, '--mkfs', '-i', 'a', '--monmap', map, '--keyring', keyring)
  const children: ChildProcess[] = []
  const start = (program: string, ...args: readonly string[]): ChildProcess => {
    const child = spawn(program, ['-c', conf, '-f', ...args], { stdio: 'ignore' })
    children.push(child)
    return child
  }
  const end = async (child: ChildProcess | undefined): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  let gateway: ChildProcess | undefined
  const startGateway = async (): Promise<void> => {
    gateway = start('radosgw', '-n', 'client.rgw', '--keyring', keyring)
    await until(async () => (await fetch(`http://127.0.0.1:${plain}`)).status > 0, 'the gateway answers')
  }
  const stop = async (): Promise<void> => {
    for (const child of children.toReversed()) await end(child)
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    start('ceph-mon', '-i', 'a')
    await until(async () => run('ceph', '--connect-timeout', '10', 'mon', 'stat') !== '', 'the monitor answers')
    start('ceph-mgr', '-i', 'x')
    const disk = randomUUID()
    run('ceph', 'osd', 'new', disk)
    run('ceph-osd', '-c', conf, '-i', '0', '--mkfs', '--osd-uuid', disk)
    start('ceph-osd', '-i', '0')
    await until(async () => run('ceph', 'osd', 'stat').includes('1 up'), 'the disk is up')
    await startGateway()
    run('radosgw-admin', 'user', 'create', '--uid=vaultfs', '--display-name=vaultfs', `--access-key=${keys.access}`, `--secret-key=${keys.secret}`)
  } catch (error) {
    await stop()
    throw error
  }
  return { endpoint: `http://127.0.0.1:${plain}`, secureEndpoint: `https://127.0.0.1:${secure}`, caPath: join(folder, 'certificate.pem'), keys, run, startGateway, stopGateway: () => end(gateway), stop }
}

function certify(folder: string, run: (program: string, ...args: readonly string[]) => string): void {
  run('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=127.0.0.1',
    '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', join(folder, 'key.pem'), '-out', join(folder, 'certificate.pem'))
}

function configuration({ folder, keyring, cluster, monitors, plain, secure }: { readonly folder: string; readonly keyring: string; readonly cluster: string; readonly monitors: string; readonly plain: number; readonly secure: number }): string {
  // Without cephx the gateway waits for ever.
  return `[global]
fsid=${cluster}
mon host=${monitors}
auth cluster required=cephx
auth service required=cephx
auth client required=cephx
keyring=${keyring}
public addr=127.0.0.1
cluster addr=127.0.0.1
osd pool default size=1
osd pool default min size=1
osd crush chooseleaf type=0
osd pool default pg num=8
osd pool default pg autoscale mode=off
mon allow pool size one=true
mon max pg per osd=1000
run dir=${folder}/run
admin socket=${folder}/run/$cluster-$name.$pid.asok
log file=${folder}/$name.log
pid file=${folder}/run/$name.pid
crash dir=${folder}/run
[mon]
mon data=${folder}/mon
[mgr]
mgr data=${folder}/mgr
[osd]
osd data=${folder}/osd
osd objectstore=memstore
memstore device bytes=2147483648
osd memory target=939524096
[client.rgw]
keyring=${keyring}
rgw frontends=beast endpoint=127.0.0.1:${plain} ssl_endpoint=127.0.0.1:${secure} ssl_certificate=${folder}/certificate.pem ssl_private_key=${folder}/key.pem
rgw dns name=127.0.0.1
rgw enable usage log=false
`
}

async function until(holds: () => Promise<boolean>, what: string): Promise<void> {
  for (let attempt = 0; attempt < 180; attempt++) {
    if (await holds().catch(() => false)) return
    await sleep(500)
  }
  throw new Error(`waited in vain until ${what}`)
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}
