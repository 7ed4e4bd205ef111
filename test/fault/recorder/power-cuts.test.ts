// Some cuts of one recording, and a disk whose flushes keep nothing, at which the same judge has to fail.
// `npm run test:powercuts` does it for an hour.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import tap from 'tap'
import { whyNoRecorder } from './recorder-rig.js'
import { record } from './recording.js'
import { Replay } from './replay.js'

const cuts = Number(process.env['CUTS'] ?? 14)
/** At most: some come where nothing has been promised for a while. */
const lyingCuts = 10
const seed = 1
const skip = whyNoRecorder('ext4') ?? false

tap.setTimeout(300_000)

void tap.test('nothing acknowledged is lost by a power cut at any point of what the disk was asked to do', { skip }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vaultfs-cuts-'))
  t.teardown(() => { rmSync(folder, { recursive: true, force: true }) })
  const recorded = join(folder, 'recording')
  const recording = await record({ folder: recorded, filesystem: 'ext4', seed, stageMs: 500 })
  const honest = new Replay(join(folder, 'honest'), recorded, recording)
  t.comment(`${String(honest.events.length)} writes and flushes, ${String(honest.acknowledged.length)} acknowledged syncs`)
  t.ok(honest.events.length > 100 && honest.acknowledged.length > 10, 'there is something to cut')
  let steps = 0
  for (const [index, cut] of honest.choose({ seed, cuts, lying: false }).entries()) {
    const outcome = await honest.try(cut, index === cuts - 1)
    steps += outcome.acknowledged
    // POSIX.md: what the kernel hands over in two requests may be logged in two.
    if (outcome.finding === 'split') t.comment(outcome.faults.join('; '))
    else t.strictSame(outcome.faults, [], `seed ${String(cut.seed)} before event ${String(cut.point)}, the rest ${cut.fate}: ${String(outcome.acknowledged)} steps`)
  }
  t.ok(steps > cuts, 'there were steps to lose')
  const lying = new Replay(join(folder, 'lying'), recorded, recording)
  let found = 0
  for (const cut of lying.choose({ seed, cuts: lyingCuts, lying: true }).slice(2)) if (found === 0) found += (await lying.try(cut, false)).faults.length
  t.ok(found > 0, 'what a lying disk loses is seen')
})
