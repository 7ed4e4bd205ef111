// The log over a real directory: what goes in comes out, in order, after each way of ending. Crashes are the business of
// test/model/log-crash.test.ts.
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { extentAssociatedData, openExtentInto, sealExtentInto } from '../../../lib/format/log-record.js'
import { segmentName } from '../../../lib/log/disk.js'
import { openNodeDisk } from '../../../lib/log/node-disk.js'
import { openLog } from '../../../lib/log/write-ahead-log.js'
import type { WriteAheadLog } from '../../../lib/log/write-ahead-log.js'
import type { LogExtent, LogRecord } from '../../../lib/store/log-port.js'
import { recordKind } from '../../../lib/store/log-port.js'
import { VaultError } from '../../../lib/terms/errors.js'
import { silent } from '../../../lib/terms/log.js'
import { randomBytes } from '../../../native-deps/sodium.js'

const vault = new Uint8Array(32).fill(1)
const device = new Uint8Array(16).fill(2)
const owner = { vault, device }
// The key lies in shared memory in the daemon, so it does here.
const key = new Uint8Array(new SharedArrayBuffer(32)).fill(3)
const entropy = { bytes: randomBytes }

interface Opened {
  readonly log: WriteAheadLog
  readonly records: LogRecord[]
}

async function open(directory: string, segmentBytes = 1 << 20): Promise<Opened> {
  const records: LogRecord[] = []
  const disk = openNodeDisk({ directory })
  const log = await openLog({ disk, vault, device, key, segmentBytes, entropy, logger: silent }, (record) => { records.push(record) })
  return { log, records }
}

function temporary(test: { teardown(handler: () => void): void }): string {
  const directory = mkdtempSync(join(tmpdir(), 'vaultfs-log-'))
  test.teardown(() => { rmSync(directory, { recursive: true, force: true }) })
  return directory
}

function body(text: string): Uint8Array {
  return Buffer.from(text)
}

function readExtent(directory: string, extent: LogExtent): Uint8Array | undefined {
  const file = readFileSync(join(directory, segmentName(extent.segment)))
  const out = new Uint8Array(extent.length)
  const sealed = file.subarray(extent.position, extent.position + extent.length + 40)
  return openExtentInto(out, sealed, extentAssociatedData(owner, extent), key) ? out : undefined
}

/** The code of the VaultError that the promise rejects with. */
async function failure(promise: Promise<unknown>): Promise<VaultError> {
  try {
    await promise
  } catch (error) {
    if (error instanceof VaultError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

await t.test('records and data come back in order after a clean close', async (t) => {
  const directory = temporary(t)
  const first = await open(directory)
  t.equal(first.log.lastLsn, 0)
  t.equal(first.log.append(recordKind.images, body('one')), 1)
  const data = randomBytes(4096)
  const inline = first.log.appendExtent(recordKind.extent, body('two'), 7, 8192, data)
  t.match(inline, { lsn: 2, ino: 7, offset: 8192, length: 4096, generation: 1 })
  const large = randomBytes(65536)
  const sealed = new Uint8Array(large.byteLength + 40)
  const place = { generation: first.log.generation, ino: 9, offset: 0, length: large.byteLength }
  sealExtentInto(sealed, large, extentAssociatedData(owner, place), randomBytes(24), key)
  const worker = first.log.appendSealed(recordKind.extent, body('three'), { ino: 9, offset: 0, length: large.byteLength, sealed })
  t.equal(first.log.syncedLsn, 0)
  await first.log.sync()
  t.equal(first.log.syncedLsn, 3)
  t.same(readExtent(directory, inline), data, 'a reader finds the data by its extent alone')
  await first.log.close()

  const second = await open(directory)
  t.equal(second.log.generation, 2)
  t.equal(second.log.lastLsn, 3)
  t.equal(second.log.syncedLsn, 3)
  t.same(second.records.map((record) => [record.lsn, record.kind, Buffer.from(record.body).toString()]), [
    [1, recordKind.images, 'one'], [2, recordKind.extent, 'two'], [3, recordKind.extent, 'three'],
  ])
  t.same(second.records[1]?.extent, inline)
  t.same(second.records[2]?.extent, worker)
  t.same(readExtent(directory, worker), large)
  t.equal(second.log.append(recordKind.mark, body('four')), 4)
  await second.log.close()
  await second.log.close()
  const third = await open(directory)
  t.equal(third.records.length, 4)
  t.equal(third.log.generation, 3)
  await third.log.close()
})

await t.test('a kill after flush loses nothing, a kill before loses what was not flushed', async (t) => {
  const directory = temporary(t)
  const { log } = await open(directory)
  log.append(recordKind.images, body('flushed'))
  log.flush()
  log.append(recordKind.images, body('not flushed'))
  const killed = join(directory, 'killed')
  mkdirSync(killed)
  for (const name of readdirSync(directory).filter((entry) => entry.endsWith('.log'))) copyFileSync(join(directory, name), join(killed, name))
  await log.close()
  const again = await open(killed)
  t.same(again.records.map((record) => Buffer.from(record.body).toString()), ['flushed'])
  await again.log.close()
})

await t.test('segments follow one another, are trimmed oldest first, and are used again', async (t) => {
  const directory = temporary(t)
  const segmentBytes = 65536
  const { log } = await open(directory, segmentBytes)
  const lsns: number[] = []
  for (let round = 0; round < 100; round++) {
    lsns.push(log.append(recordKind.splice, randomBytes(8192)))
    await log.sync()
  }
  t.ok(log.segments > 8, `${String(log.segments)} segments`)
  t.ok(log.sizeBytes > 100 * 8192)
  const before = readdirSync(directory).filter((name) => /^\d/.test(name)).length
  log.trim(51)
  const after = readdirSync(directory).filter((name) => /^\d/.test(name))
  t.equal(after.length, log.segments)
  t.ok(log.segments < before && log.segments > 4)
  for (let round = 0; round < 20; round++) {
    log.append(recordKind.splice, randomBytes(8192))
    await log.sync()
  }
  log.trim(log.lastLsn + 1)
  t.equal(log.segments, 1, 'the newest segment stays')
  t.ok(log.sizeBytes < 65536 * 3)
  const last = log.lastLsn
  await log.close()
  t.notOk(readdirSync(directory).some((name) => name.startsWith('spare')), 'no room is kept aside after close')
  const again = await open(directory, segmentBytes)
  t.equal(again.log.lastLsn, last, 'numbers go on although the records are gone')
  await again.log.close()
})

await t.test('concurrent syncs share rounds and all resolve', async (t) => {
  const directory = temporary(t)
  const { log } = await open(directory)
  const waiting: Promise<void>[] = []
  for (let index = 0; index < 200; index++) {
    log.append(recordKind.images, body(String(index)))
    waiting.push(log.sync())
  }
  await Promise.all(waiting)
  t.equal(log.syncedLsn, 200)
  await log.close()
})

await t.test('bad input is refused and changes nothing', async (t) => {
  const directory = temporary(t)
  const { log } = await open(directory)
  t.throws(() => log.append(recordKind.images, new Uint8Array(5 * 1024 * 1024)), { code: 'too-large' })
  t.throws(() => log.appendExtent(recordKind.extent, body(''), 1, 0, new Uint8Array(20000)), { code: 'too-large' })
  t.throws(() => log.appendSealed(recordKind.extent, body(''), { ino: 1, offset: 0, length: 10, sealed: new Uint8Array(10) }), { code: 'invalid' })
  t.equal(log.append(recordKind.images, body('kept')), 1)
  await log.close()
  t.throws(() => log.append(recordKind.images, body('late')), { code: 'bad-handle' })

  const name = join(directory, segmentName(1))
  const whole = readFileSync(name)
  const snapshot = (): string => readdirSync(directory).map((entry) => readFileSync(join(directory, entry)).toString('base64')).join()
  for (const [what, change, code] of [
    ['the header', (bytes: Buffer) => { bytes[70] = 1 }, 'corrupt'],
    ['the version', (bytes: Buffer) => { bytes[8] = 9 }, 'format-unknown'],
    ['the vault', (bytes: Buffer) => { bytes[20] = 9 }, 'corrupt'],
    ['a synced record', (bytes: Buffer) => { bytes.writeUInt8(bytes.readUInt8(4096 + 90) ^ 1, 4096 + 90) }, 'corrupt'],
  ] as const) {
    const changed = Buffer.from(whole)
    change(changed)
    writeFileSync(name, changed)
    const before = snapshot()
    const error = await failure(open(directory))
    t.equal(error.code, code, what)
    t.ok(error.subject?.startsWith(directory), 'names the file')
    t.ok(error.next, 'names the next step')
    t.equal(snapshot(), before, 'nothing changed on disk')
  }
  writeFileSync(name, whole)
  const { log: healed, records } = await open(directory)
  t.equal(records.length, 1)
  await healed.close()
  t.ok(statSync(name).size < 65536, 'a closed log gives back the room behind its end')
})

await t.test('what nobody needs any more at the end is not read at the next opening', async (t) => {
  const directory = temporary(t)
  const first = await open(directory)
  for (let count = 0; count < 200; count++) first.log.append(recordKind.images, randomBytes(1000))
  await first.log.sync()
  first.log.trim(150)
  await first.log.close()
  const second = await open(directory)
  t.equal(second.records.length, 200, 'some is needed: all is there')
  second.log.append(recordKind.images, body('more'))
  await second.log.sync()
  for (let count = 0; count < 200; count++) second.log.append(recordKind.images, randomBytes(1000))
  await second.log.sync()
  second.log.trim(second.log.lastLsn + 1)
  await second.log.close()
  const left = readdirSync(directory)
  t.ok(left.reduce((sum, name) => sum + statSync(join(directory, name)).size, 0) < 16 * 1024, left.join())
  const third = await open(directory)
  t.strictSame(third.records, [])
  t.equal(third.log.lastLsn, 401)
  t.equal(third.log.append(recordKind.images, body('next')), 402)
  await third.log.close()
})
