// `npm run test:powercuts`: cuts of the power for an hour. `--cuts N` in all (2 000), `--seed N`, `--filesystem xfs`,
// `--lying disk` (its flushes keep nothing) or `--lying vault` (its syncs are swallowed by strace), which must fail,
// `--state FOLDER` to go on later where it was ended; recordings of some hundred MiB lie there. The first cut of a
// recording that fails is kept, and `--again FOLDER [--mounted]` tries it once more. As root.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { cutCampaign, tryAgain, type Liar } from './cut-campaign.js'
import type { Finding } from './cut-trial.js'
import { whyNoRecorder } from './recorder-rig.js'

const { values: options } = parseArgs({
  options: {
    cuts: { type: 'string', default: '2000' }, seed: { type: 'string' }, state: { type: 'string' }, filesystem: { type: 'string', default: 'ext4' },
    lying: { type: 'string', default: 'nobody' }, 'stage-ms': { type: 'string', default: '1500' }, again: { type: 'string' }, mounted: { type: 'boolean', default: false },
  },
})
const cutsOfRecording = 100
const mountedEach = 60

interface State {
  readonly seed: number
  done: number
  mounted: number
  steps: number
  acknowledged: number
  gone: number
  recordings: number
  events: number
  readonly found: Record<Finding, number>
}

const say = (text: string): void => { console.log(text) }
let over = false
// With the cut under way: what is mounted is unmounted first.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => { over = true })

async function run(): Promise<boolean> {
  const filesystem = options.filesystem === 'xfs' ? 'xfs' : 'ext4'
  const why = whyNoRecorder(filesystem)
  if (why !== undefined) throw new Error(`no disk can be recorded here: ${why}`)
  const folder = options.state ?? mkdtempSync(join(tmpdir(), 'vaultfs-cuts-'))
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const stateFile = join(folder, 'state.json')
  const state: State = existsSync(stateFile) ? JSON.parse(readFileSync(stateFile, 'utf8')) as State : {
    seed: Number(options.seed ?? Math.floor(Math.random() * 1e5) * 10_000), done: 0, mounted: 0, steps: 0, acknowledged: 0, gone: 0, recordings: 0, events: 0,
    found: { none: 0, disk: 0, split: 0, torn: 0, lost: 0, unmountable: 0 },
  }
  const total = Number(options.cuts)
  const liar: Liar = options.lying === 'disk' || options.lying === 'vault' ? options.lying : 'nobody'
  const kind = `power cuts on ${filesystem}${liar === 'nobody' ? '' : `, with flushes swallowed by the ${liar}`}`
  say(`${kind}: seed ${String(state.seed)}, ${String(state.done)} of ${String(total)} done, state in ${folder}`)
  const [began, before] = [performance.now(), state.done]
  while (state.done < total && !over) {
    const seed = state.seed + state.done
    const cuts = Math.min(cutsOfRecording - (state.done % cutsOfRecording), total - state.done)
    await cutCampaign({ folder, filesystem, seed, cuts, stageMs: Number(options['stage-ms']), liar, mountedEach }, (told) => {
      state.recordings++
      state.events += told.writes + told.flushes
      say(`seed ${String(seed)}: ${String(told.writes)} writes of ${(told.bytes / 1048576).toFixed(1)} MiB, ${String(told.flushes)} flushes, ${String(told.acknowledgements)} acknowledged syncs`)
    }, (told) => {
      state.done++
      state.found[told.finding]++
      state.mounted += told.mounted ? 1 : 0
      state.steps += told.steps
      state.acknowledged += told.acknowledged
      state.gone += told.gone
      writeFileSync(`${stateFile}.new`, JSON.stringify(state))
      renameSync(`${stateFile}.new`, stateFile)
      if (told.finding === 'none') return !over
      const { cut } = told
      say(`${told.finding.toUpperCase()} seed ${String(cut.seed)}: before event ${String(cut.point)}, safe ${String(cut.safe)}, the rest ${cut.fate} (${String(cut.keptShare)}, ${String(cut.sectorBytes)})${told.mounted ? ', mounted' : ''}${told.kept === undefined ? '' : `, kept in ${told.kept}`}:\n${told.faults.slice(0, 10).map((fault) => `  ${fault}`).join('\n')}`)
      return !over
    })
    const each = (performance.now() - began) / 1000 / (state.done - before)
    say(`${String(state.done)} of ${String(total)} cuts (${String(state.mounted)} mounted) of ${String(state.recordings)} recordings with ${String(state.events)} events: ${Object.entries(state.found).map(([name, count]) => `${name} ${String(count)}`).join(', ')}; ${String(state.steps)} steps, ${String(state.acknowledged)} acknowledged, ${String(state.gone)} others gone; ${each.toFixed(2)} s each, ${String(Math.round(((total - state.done) * each) / 60))} min left`)
  }
  const failed = state.found.split + state.found.torn + state.found.lost + state.found.unmountable
  say(`${kind}: ${String(state.found.none)} passed, ${String(failed)} failed, ${String(state.found.disk)} without a filesystem`)
  if (options.state === undefined && failed === 0) rmSync(folder, { recursive: true, force: true })
  return failed === 0
}

async function again(folder: string): Promise<boolean> {
  const { finding, faults } = await tryAgain(folder, options.mounted)
  say([finding, ...faults].join('\n'))
  return finding === 'none'
}

process.exitCode = (await (options.again === undefined ? run() : again(options.again))) ? 0 : 1
