// Every target for a while from a fixed seed, and every finding of earlier days. And each target, the mutator and the
// runner must be able to find something: decoders that are wrong on purpose are found.
import t from 'tap'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ByteReader } from '../../lib/format/reader.js'
import { VaultError } from '../../lib/terms/errors.js'
import { Random } from '../model/random.js'
import { targets, targetOf } from './all-targets.js'
import { keepFinding, readFindings } from './finding-file.js'
import { minimised } from './minimising.js'
import type { Target } from './target.js'
import { fuzz, trial } from './trial.js'

const seed = 20_240_501
const trialsPerPace = 1000
/** Within so many trials a decoder that is wrong on purpose is found. */
const mutantTrials = 120

t.setTimeout(300_000)

for (const target of targets) {
  t.test(`${target.name}: ${target.says}`, async (t) => {
    const trials = Math.round(trialsPerPace * (target.pace ?? 1))
    const run = await fuzz(target, { seed, goesOn: (done) => done < trials })
    for (const { what, input } of run.found) t.fail(what, { input: Buffer.from(input).toString('hex') })
    t.ok(run.decoded > 0, `${run.decoded} decoded`)
    if (target.refusals.length > 0) t.ok(run.refused > 0 || target.name === 'control-lines', `${run.refused} refused`)
    t.ok(await findsBlindness(target), 'a decoder that does not look at its input is found')
  })
}

for (const [name, kept] of readFindings()) {
  t.test(`findings/${name}: ${kept.says}`, async (t) => {
    const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'))
    const outcome = await trial(targetOf(kept.target), bytes(kept.input), (kept.known ?? []).map(bytes))
    t.not(outcome.kind, 'finding', outcome.what)
  })
}

/** Whatever comes, it answers what some other valid input says. */
async function findsBlindness(target: Target): Promise<boolean> {
  const random = new Random(seed)
  const pool: Uint8Array[] = []
  for (let left = 8; left > 0; left--) pool.push(Uint8Array.from(await target.make(random)))
  let at = 0
  const blind: Target = { ...target, make: (from) => target.make(from), decode: () => target.decode(Uint8Array.from(pool[at++ % pool.length] ?? new Uint8Array(0))) }
  const { found } = await fuzz(blind, { seed, goesOn: (done) => done < mutantTrials })
  return found.length > 0
}

async function firstFinding(target: Target): Promise<string | undefined> {
  return (await fuzz(target, { seed, goesOn: (done) => done < 400 })).found[0]?.what
}

const operation = targetOf('operation')

t.test('a reader that lets bytes behind the end pass is found wherever one value has one encoding', async (t) => {
  const end = Object.getOwnPropertyDescriptor(ByteReader.prototype, 'end')
  Object.defineProperty(ByteReader.prototype, 'end', { configurable: true, value: () => undefined })
  try {
    for (const name of ['operation', 'entry-clear', 'member-record', 'blob-reference', 'content-page', 'content-reference', 'log-published', 'log-extent', 'log-splice', 'passphrase-slot', 'header'])
      t.ok(await firstFinding(targetOf(name)), name)
  } finally {
    if (end !== undefined) Object.defineProperty(ByteReader.prototype, 'end', end)
  }
  t.notOk(await firstFinding(operation), 'and none is left')
})

t.test('errors of the language, lies about lengths and slowness are findings', async (t) => {
  const crashing: Target = {
    ...operation,
    decode: (input) => {
      try {
        return operation.decode(input)
      } catch (error) {
        throw error instanceof VaultError ? new TypeError('undefined is not an operation') : error
      }
    },
  }
  t.match(await firstFinding(crashing), /^TypeError: undefined is not an operation/)
  const greedy: Target = { ...operation, decode: (input) => { Array.from({ length: (input[0] ?? 0) * 2 ** 20 }); return operation.decode(input) } }
  t.match(await firstFinding(greedy), /^asks for \d+ bytes of memory/)
  const swallowing: Target = { ...operation, decode: (input) => { try { Buffer.alloc(2 ** 32) } catch { /* as some library does */ } return operation.decode(input) } }
  t.match(await firstFinding(swallowing), /^asks for/)
  const slow: Target = { ...operation, decode: (input) => { for (const until = performance.now() + 2100; performance.now() < until; ); return operation.decode(input) } }
  t.match(await firstFinding(slow), /^decoding takes/)
  const refusing: Target = { ...operation, decode: () => { throw new VaultError('corrupt', 'no') } }
  t.match(await firstFinding(refusing), /^a valid input is refused/)
})

t.test('a finding is made small, and kept as a file', async (t) => {
  const planted: Target = { ...operation, decode: (input) => { if (input.includes(0x7b) && input.includes(0x7d)) throw new RangeError('braces'); return operation.decode(input) } }
  const { found } = await fuzz(planted, { seed, goesOn: (done) => done < 5000 })
  const [first] = found
  if (first === undefined) throw new Error('nothing found')
  const small = await minimised(planted, first)
  t.equal(Buffer.from(small.input).toString('latin1').split('').sort().join(''), '{}')
  const folder = mkdtempSync(join(tmpdir(), 'vaultfs-findings-'))
  keepFinding(planted, small, folder)
  t.equal(readdirSync(folder).length, 1)
  rmSync(folder, { recursive: true })
})
