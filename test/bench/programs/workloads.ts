// Programs that people run in a folder and wait for: databases, random access with many requests under way, npm.
import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { projectRoot } from '../../tidy/source.js'
import type { Target } from './targets.js'

export interface Workload {
  readonly name: string
  readonly unit: 'a second' | 's'
  /** Programs that must be there. */
  readonly needs: readonly string[]
  readonly run: (target: Target) => number
}

const postgresFolder = '/usr/lib/postgresql'
const pgSeconds = 8
const fioSeconds = 8
const randomMib = 128

export const workloads: readonly Workload[] = [
  { name: 'SQLite, WAL, a row a transaction, synchronous=FULL', unit: 'a second', needs: ['sqlite3'], run: (target) => sqlite(target, 'wal', 1500) },
  { name: 'SQLite, rollback journal, a row a transaction', unit: 'a second', needs: ['sqlite3'], run: (target) => sqlite(target, 'delete', 400) },
  { name: 'pgbench, 1 client', unit: 'a second', needs: ['runuser', 'pg_ctlcluster'], run: (target) => pgbench(target, 1) },
  { name: 'pgbench, 8 clients', unit: 'a second', needs: ['runuser', 'pg_ctlcluster'], run: (target) => pgbench(target, 8) },
  { name: '4 KiB random write, fsync after each', unit: 'a second', needs: ['fio'], run: (target) => fio(target, 'write', ['--rw=randwrite', '--ioengine=psync', '--fsync=1']) },
  { name: '4 KiB random write, 16 under way', unit: 'a second', needs: ['fio'], run: (target) => fio(target, 'write', ['--rw=randwrite', '--ioengine=io_uring', '--iodepth=16', '--end_fsync=1']) },
  { name: '4 KiB random read, cold, 16 under way', unit: 'a second', needs: ['fio'], run: (target) => fio(target, 'read', ['--rw=randread', '--ioengine=io_uring', '--iodepth=16']) },
  { name: 'npm ci of this project, packages cached', unit: 's', needs: ['npm'], run: npmCi },
]

function sqlite({ mountPoint }: Target, journal: 'wal' | 'delete', transactions: number): number {
  const folder = mkdtempSync(join(mountPoint, 'sqlite-'))
  const inserts = Array.from({ length: transactions }, (_, count) => `INSERT INTO notes (body) VALUES ('${`note ${String(count)} `.repeat(12)}');`)
  const input = [`PRAGMA journal_mode = ${journal};`, 'PRAGMA synchronous = FULL;', 'CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT);', ...inserts].join('\n')
  const began = performance.now()
  execFileSync('sqlite3', ['-bail', join(folder, 'data.db')], { input, stdio: ['pipe', 'ignore', 'inherit'] })
  const seconds = (performance.now() - began) / 1000
  rmSync(folder, { recursive: true })
  return transactions / seconds
}

function pgbench({ mountPoint }: Target, clients: number): number {
  const version = readdirSync(postgresFolder).at(-1) ?? ''
  const bin = join(postgresFolder, version, 'bin')
  const data = join(mountPoint, 'postgres')
  const sockets = mkdtempSync(join(tmpdir(), 'vaultfs-postgres-'))
  const as = (...words: readonly string[]): string => execFileSync('runuser', ['-u', 'postgres', '--', ...words], { encoding: 'utf8', cwd: '/', stdio: ['ignore', 'pipe', 'ignore'] })
  mkdirSync(data, { mode: 0o700 })
  execFileSync('chown', ['postgres', data, sockets])
  as(join(bin, 'initdb'), '-D', data, '-A', 'trust')
  as(join(bin, 'pg_ctl'), '-D', data, '-w', '-l', join(sockets, 'log'), '-o', `-k ${sockets} -c listen_addresses= -c shared_buffers=64MB`, 'start')
  try {
    as(join(bin, 'pgbench'), '-h', sockets, '-i', '-q', '-s', '5', 'postgres')
    const said = as(join(bin, 'pgbench'), '-h', sockets, '-c', String(clients), '-j', '2', '-T', String(pgSeconds), 'postgres')
    return Number(/^tps = ([\d.]+)/m.exec(said)?.[1] ?? NaN)
  } finally {
    as(join(bin, 'pg_ctl'), '-D', data, '-m', 'immediate', 'stop')
    rmSync(data, { recursive: true })
    rmSync(sockets, { recursive: true })
  }
}

function fio(target: Target, what: 'read' | 'write', options: readonly string[]): number {
  const file = join(target.mountPoint, 'random')
  const common = ['--name=job', `--filename=${file}`, `--size=${String(randomMib)}M`, '--refill_buffers', '--output-format=json', '--fadvise_hint=0']
  execFileSync('fio', [...common, '--rw=write', '--bs=1M', '--end_fsync=1'], { stdio: 'ignore' })
  target.settle()
  if (what === 'read') writeFileSync('/proc/sys/vm/drop_caches', '3')
  const said = execFileSync('fio', [...common, '--bs=4k', `--runtime=${String(fioSeconds)}`, ...options], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  rmSync(file)
  return (JSON.parse(said) as { jobs: Record<'read' | 'write', { iops: number }>[] }).jobs[0]?.[what].iops ?? NaN
}

let cache: string | undefined

function npmCi({ mountPoint }: Target): number {
  const install = (folder: string): void => {
    for (const name of ['package.json', 'package-lock.json']) copyFileSync(join(projectRoot(import.meta.dirname), name), join(folder, name))
    const { status, stderr } = spawnSync('npm', ['ci', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', '--cache', cache ?? ''], { cwd: folder, encoding: 'utf8' })
    if (status !== 0) throw new Error(`npm ended with ${String(status)}: ${stderr}`)
  }
  if (cache === undefined) {
    cache = mkdtempSync(join(tmpdir(), 'vaultfs-npm-cache-'))
    const first = mkdtempSync(join(tmpdir(), 'vaultfs-npm-'))
    install(first)
    rmSync(first, { recursive: true })
  }
  const folder = mkdtempSync(join(mountPoint, 'npm-'))
  const began = performance.now()
  install(folder)
  const seconds = (performance.now() - began) / 1000
  rmSync(folder, { recursive: true })
  return seconds
}

/** What they shared. */
export function removeShared(): void {
  if (cache !== undefined) rmSync(cache, { recursive: true })
}
