// The store path, chunk to sealed blob in the cache: each stage alone on one thread, then all of it through the pool.
// The machine may be busy, so processor time is told beside wall time. Run: node dist/test/bench/store-path.js [MiB] [folder]

import { availableParallelism } from 'node:os'
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { argv, cpuUsage, exit, stdout } from 'node:process'
import { Chunker } from '../../lib/chunk/chunker.js'
import { chunkIdOf } from '../../lib/crypto/chunk-id.js'
import { KeyRing } from '../../lib/crypto/key-ring.js'
import { sealChunk } from '../../lib/crypto/seal.js'
import { chunkerDefault } from '../../lib/format/vault-header.js'
import type { Pool } from '../../lib/workers/pool.js'
import { chunkIndexes, MiB, memory, poolFolder, requestOf, type PoolFolder } from '../support/pool.js'
import { randomBytes } from '../support/random-bytes.js'

const totalMiB = Number(argv[2] ?? 256)
const windowBytes = 24 * MiB
const smallFiles = 10_000
const smallBytes = 8192

interface Timed {
  readonly wallMs: number
  readonly cpuMs: number
}

async function timed(work: () => unknown): Promise<Timed> {
  const wall = performance.now()
  const cpu = cpuUsage()
  await work()
  const { user, system } = cpuUsage(cpu)
  return { wallMs: performance.now() - wall, cpuMs: (user + system) / 1000 }
}

function row(name: string, bytes: number, { wallMs, cpuMs }: Timed): void {
  const perWall = (bytes / 1e6 / wallMs) * 1000
  const perCpu = (bytes / 1e6 / cpuMs) * 1000
  stdout.write(`${name.padEnd(34)} ${perWall.toFixed(0).padStart(6)} MB/s wall ${perCpu.toFixed(0).padStart(6)} MB per CPU second\n`)
}

/** Nanoseconds of processor a byte, of all stages together. */
async function stages(folder: PoolFolder, bytes: Uint8Array<ArrayBuffer>): Promise<number> {
  const keys = new KeyRing(folder.page)
  const chunker = new Chunker(folder.page.key('chunker'), chunkerDefault)
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.byteLength))
  shared.set(bytes)
  // All memory is touched before: the pool uses its own again and again.
  const copy = new Uint8Array(bytes.byteLength).fill(1)
  const room = new Uint8Array(bytes.byteLength * 1.5).fill(1)
  const path = join(folder.directory, 'stage')
  let lengths: readonly number[] = []
  const ids: ReturnType<typeof chunkIdOf>[] = []
  const sealed: Uint8Array[] = []
  const eachChunk = (work: (chunk: Uint8Array, index: number) => void): void => {
    let at = 0
    lengths.forEach((length, index) => {
      work(copy.subarray(at, at + length), index)
      at += length
    })
  }
  const list: readonly (readonly [string, () => unknown])[] = [
    ['copy out of shared memory', () => { copy.set(shared) }],
    ['cut (Rabin)', () => {
      lengths = chunker.cut(copy, { from: 0, until: copy.length, final: true, boundaries: [], resumeAfter: 0 }).lengths
    }],
    ['name (keyed BLAKE3)', () => { eachChunk((chunk) => ids.push(chunkIdOf(chunk, keys.idHasher('chunk')))) }],
    ['frame, seal, hash', () => {
      let used = 0
      eachChunk((chunk, index) => {
        const id = ids[index]
        if (id === undefined) return
        const blob = sealChunk(chunk, id, keys.sealing, 'chunk', 1, room.subarray(used)).sealed
        sealed.push(blob)
        used += blob.byteLength
      })
    }],
    ['write and sync', () => {
      const fd = openSync(path, 'w')
      for (const blob of sealed) writeSync(fd, blob)
      fdatasyncSync(fd)
      closeSync(fd)
    }],
  ]
  let nanoseconds = 0
  for (const [name, work] of list) {
    const time = await timed(work)
    row(name, bytes.byteLength, time)
    nanoseconds += (time.cpuMs * 1e6) / bytes.byteLength
  }
  return nanoseconds
}

/** Numbers of windows: each has bytes of its own, or the cache would know them. */
let windowsMade = 0

async function wholePath(pool: Pool, folder: PoolFolder, windows: number): Promise<void> {
  let left = windows
  const lane = async (at: number): Promise<void> => {
    while (left-- > 0) {
      const number = ++windowsMade
      for (let step = 0; step < windowBytes; step += 65536) new Uint32Array(folder.arena.shared, at + step, 1)[0] = number * 1024 + step / 65536
      const [cut] = await pool.cut([requestOf([memory(at, windowBytes)])])
      await cut?.store(chunkIndexes(cut))
    }
  }
  // Four lanes, so that no thread waits for the next window; two share memory, and with it the numbers.
  await Promise.all([lane(0), lane(windowBytes), lane(0), lane(windowBytes)])
}

async function manySmall(pool: Pool, folder: PoolFolder): Promise<void> {
  const perCall = 64
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < smallFiles) {
      const first = next
      next += perCall
      const files = Array.from({ length: Math.min(perCall, smallFiles - first) }, (_, index) => {
        const at = ((first + index) % 4096) * smallBytes
        new Uint32Array(folder.arena.shared, at, 1)[0] = 0x1000000 + first + index
        return requestOf([memory(at, smallBytes)])
      })
      const cuts = await pool.cut(files)
      await Promise.all(cuts.map((cut) => cut.store([0])))
    }
  }
  await Promise.all([lane(), lane(), lane(), lane()])
}

const folder = poolFolder(argv[3])
const cores = availableParallelism()
folder.arena.bytes.set(randomBytes(9, 64 * MiB))
stdout.write(`one thread, 64 MiB of random bytes (${cores} processors)\n`)
const perByte = await stages(folder, folder.arena.bytes.slice())
const ceiling = 1e3 / perByte
stdout.write(`sum of the stages                  ${ceiling.toFixed(0).padStart(6)} MB per CPU second, ${(ceiling * cores).toFixed(0)} MB/s on all cores\n`)
const pool = await folder.open({ bulkThreads: cores })
await wholePath(pool, folder, 4)
const windows = Math.ceil((totalMiB * MiB) / windowBytes)
const large = await timed(() => wholePath(pool, folder, windows))
row(`pool, ${((windows * windowBytes) / MiB).toFixed(0)} MiB`, windows * windowBytes, large)
const small = await timed(() => manySmall(pool, folder))
stdout.write(`pool, ${smallFiles} files of ${smallBytes} bytes      ${((smallFiles / small.wallMs) * 1000).toFixed(0)} files/s wall, ${((smallFiles / small.cpuMs) * 1000).toFixed(0)} files per CPU second\n`)
const reference = (await pool.storePages([randomBytes(5, 65536)]))[0]
if (reference !== undefined) {
  const reads = await timed(async () => {
    for (let index = 0; index < 5000; index++) (await pool.read([{ kind: 'blob', reference, skip: (index % 16) * 4096, length: 4096 }])).release()
  })
  stdout.write(`reads of 4 KiB, one after another   ${(reads.wallMs / 5).toFixed(1)} µs wall, ${(reads.cpuMs / 5).toFixed(1)} µs CPU\n`)
}
folder.arena.bytes.set(randomBytes(77, windowBytes), 0)
const [kept] = await pool.cut([requestOf([memory(0, windowBytes)])])
const references = (await kept?.store(chunkIndexes(kept))) ?? []
const pieces = references.flatMap((each) => Array.from({ length: Math.ceil(each.plainLength / MiB) }, (_, index) => ({
  kind: 'blob' as const, reference: each, skip: index * MiB, length: Math.min(MiB, each.plainLength - index * MiB),
})))
for (const lanes of [1, 4]) {
  let next = 0
  const rounds = 8
  const lane = async (): Promise<void> => {
    for (let piece = pieces[next++ % pieces.length]; next <= pieces.length * rounds && piece !== undefined; piece = pieces[next++ % pieces.length]) {
      (await pool.read([piece])).release()
    }
  }
  row(`reads of up to 1 MiB, ${lanes} at a time`, windowBytes * rounds, await timed(() => Promise.all(Array.from({ length: lanes }, lane))))
}
await pool.close()
folder.remove()
exit(0)
