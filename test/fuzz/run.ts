// Fuzzing for as long as one likes: npm run test:fuzz -- [--target NAME]… [--seed N] [--minutes M]. Minutes are those of
// each target. A finding is made small and kept in test/fuzz/findings, where every test run tries it again; the exit code is 1.
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { targets, targetOf } from './all-targets.js'
import { keepFinding } from './finding-file.js'
import { sharedBytes, sharedHeadBytes, type WorkerData, type WorkerReport } from './fuzz-worker.js'
import type { Found } from './trial.js'

/** No trial, and no step of making a finding small, takes longer. */
const hangMs = 30_000
const minuteMs = 60_000

const { values } = parseArgs({ options: { target: { type: 'string', multiple: true }, seed: { type: 'string' }, minutes: { type: 'string' } } })
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
const minutes = Number(values.minutes ?? 0.2)
if (!Number.isInteger(seed) || !(minutes > 0)) throw new Error('--seed is a whole number, --minutes one above zero')
const names = values.target ?? targets.map(({ name }) => name)
for (const name of names) targetOf(name)

console.log(`seed ${seed}, ${minutes} minutes for each of ${names.length} targets`)
let findings = 0
let trials = 0
for (const name of names) {
  const began = Date.now()
  const report = await runOne(name)
  const seconds = (Date.now() - began) / 1000
  trials += report.trials
  const share = (count: number): string => `${Math.round((100 * count) / Math.max(1, report.trials))} %`
  console.log(`${name}: ${report.trials} trials in ${seconds.toFixed(1)} s, ${share(report.decoded)} decoded, ${share(report.refused)} refused, ${report.found.length} findings`)
  for (const found of report.found) {
    findings++
    console.log(`  ${found.what}\n  ${found.input.byteLength} bytes, kept as ${keepFinding(targetOf(name), found)}`)
  }
}
console.log(`${trials} trials, ${findings} findings, seed ${seed}`)
process.exitCode = findings > 0 ? 1 : 0

/** In a thread of its own: one that is stuck in a trial for too long is a finding too. */
function runOne(target: string): Promise<WorkerReport> {
  const shared = new SharedArrayBuffer(sharedBytes)
  const head = new Int32Array(shared, 0, 4)
  const data: WorkerData = { target, seed, forMs: minutes * minuteMs, shared }
  const worker = new Worker(new URL('./fuzz-worker.js', import.meta.url), { workerData: data })
  return new Promise((resolve, reject) => {
    let seen = 0
    let sinceMs = Date.now()
    const watch = setInterval(() => {
      const now = Atomics.load(head, 0)
      if (now !== seen) [seen, sinceMs] = [now, Date.now()]
      else if (Date.now() - sinceMs > hangMs) {
        void worker.terminate()
        end({ trials: now, decoded: 0, refused: 0, found: [stuck(shared)] })
      }
    }, 1000)
    const end = (report: WorkerReport): void => {
      // The thread ends by itself, and takes its files with it.
      clearInterval(watch)
      resolve(report)
    }
    worker.once('message', end)
    worker.once('exit', () => {
      end({ trials: seen, decoded: 0, refused: 0, found: [stuck(shared, 'the thread ended in the middle of a trial')] })
    })
    worker.once('error', (error) => {
      clearInterval(watch)
      reject(error)
    })
  })
}

function stuck(shared: SharedArrayBuffer, what = `decoding does not end within ${hangMs / 1000} s`): Found {
  const [, inputBytes = 0, oneBytes = 0, otherBytes = 0] = new Int32Array(shared, 0, 4)
  const bytes = new Uint8Array(shared, sharedHeadBytes)
  const known = [bytes.slice(inputBytes, inputBytes + oneBytes), bytes.slice(inputBytes + oneBytes, inputBytes + oneBytes + otherBytes)]
  return { what, input: bytes.slice(0, inputBytes), known }
}
