// Programs that load a filesystem and check themselves: fio with verification, fs_mark, dbench, bonnie++.
import { existsSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Bench, Suite } from '../suite.js'

const fioJobs: Readonly<Record<string, string>> = {
  'in sequence': 'ioengine=psync\nrw=write\nbs=128k\nsize=32m',
  'at random, fsync after 64': 'ioengine=psync\nrw=randwrite\nbs=4k\nfsync=64\nsize=16m',
  'odd sizes, not aligned': 'ioengine=psync\nrw=randwrite\nbsrange=512-70000\nbs_unaligned=1\nsize=16m',
  'mapped': 'ioengine=mmap\nrw=randwrite\nbs=4k\nsize=16m',
  'direct': 'ioengine=psync\ndirect=1\nrw=randwrite\nbs=16k\nsize=16m',
  'asynchronous': 'ioengine=libaio\niodepth=16\nrw=randwrite\nbs=8k\nsize=16m',
  'four writers': 'ioengine=psync\nrw=randwrite\nbs=4k\nsize=8m\nnumjobs=4',
  'many small files': 'ioengine=psync\nrw=write\nbs=4k\nnrfiles=200\nfilesize=16k',
}

export const fio: Suite = {
  name: 'fio',
  packages: { fio: 'fio' },
  needsRoot: false,
  async run(bench) {
    for (const [name, job] of Object.entries(fioJobs)) {
      const file = join(bench.logs, `${name.replace(/\W+/g, '-')}.fio`)
      writeFileSync(file, `[${name}]\ndirectory=${bench.work}\nverify=crc32c\nverify_fatal=1\ndo_verify=1\n${job}\n`)
      await bench.check(name, { program: 'fio', args: [file], timeoutMs: 600_000 })
      await empty(bench)
    }
  },
}

export const fsMark: Suite = {
  name: 'fs_mark',
  packages: { fs_mark: 'fsmark' },
  needsRoot: false,
  async run(bench) {
    // It takes paths of less than 40 bytes only.
    const short = join(tmpdir(), `m${process.pid}`)
    symlinkSync(bench.work, short)
    try {
      const run = (name: string, ...args: readonly string[]): Promise<boolean> =>
        bench.check(name, { program: 'fs_mark', args: ['-d', `${short}/${String(args.length)}`, '-t', '2', ...args, '-l', join(bench.logs, 'fs_mark.log')], timeoutMs: 900_000 })
      await run('fsync of each file', '-n', bench.quick ? '100' : '500', '-s', '10240', '-S', '1')
      await run('in subfolders, with names of 30', '-n', bench.quick ? '200' : '1000', '-s', '1000', '-S', '0', '-D', '8', '-N', '16', '-p', '30', '-r', '8')
    } finally {
      unlinkSync(short)
    }
  },
}

export const dbench: Suite = {
  name: 'dbench',
  packages: { dbench: 'dbench' },
  needsRoot: false,
  async run(bench) {
    const script = ['/usr/share/dbench/client.txt', '/usr/share/dbench/client_plain_files.txt'].find((path) => existsSync(path)) ?? ''
    const seconds = bench.quick ? '5' : '30'
    for (const [name, args] of Object.entries({ '4 clients': ['4'], '2 clients, synchronous': ['-s', '-S', '2'] })) {
      bench.at(name)
      const { why, output } = await bench.execute(name, { program: 'dbench', args: ['-c', script, '-D', bench.work, '-t', seconds, ...args], timeoutMs: 600_000 })
      const wrong = /^.*(?:ERROR|failed for handle|Child failed|not match).*$/m.exec(output())?.[0]
      if (why === undefined && wrong === undefined && /^Throughput/m.test(output())) bench.passed(name)
      else bench.failed(name, `${why ?? ''} ${wrong ?? 'no throughput was told'}`.slice(0, 200))
      await empty(bench)
    }
  },
}

export const bonnie: Suite = {
  name: 'bonnie++',
  packages: { 'bonnie++': 'bonnie++' },
  needsRoot: false,
  async run(bench) {
    bench.at('blocks, seeks, many files')
    const user = process.geteuid?.() === 0 ? ['-u', '0:0'] : []
    const { why, output } = await bench.execute('bonnie', { program: 'bonnie++', args: ['-q', '-f', '-d', bench.work, ...user, '-s', '64', '-r', '32', '-n', '1:20000:10:4'], timeoutMs: 900_000 })
    const wrong = /^.*(?:can.t|error|drastic).*$/im.exec(output())?.[0]
    if (why === undefined && wrong === undefined) bench.passed('blocks, seeks, many files')
    else bench.failed('blocks, seeks, many files', `${why ?? ''} ${wrong ?? ''}`.slice(0, 200))
  },
}

async function empty(bench: Bench): Promise<void> {
  await bench.execute('empty', { program: 'find', args: [bench.work, '-mindepth', '1', '-delete'] })
}
