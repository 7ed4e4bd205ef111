// `npm run test:nodes -- [--minutes 60] [--seed N] [--nodes 3] [--without-daemon-kills] [--state FOLDER]`: a vault and its nodes
// in network namespaces of their own, and everything that can fail between them failing. As root. Ends with 1 when
// anything was lost; then the folder stays.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { campaign } from './campaign.js'
import { networkLacks } from './network.js'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' }, seed: { type: 'string' }, nodes: { type: 'string', default: '3' },
    'without-daemon-kills': { type: 'boolean', default: false }, state: { type: 'string' },
  },
})
const lack = networkLacks()
if (lack !== undefined) throw new Error(lack)
const folder = values.state ?? mkdtempSync(join(tmpdir(), 'vaultfs-nodes-'))
mkdirSync(folder, { recursive: true, mode: 0o700 })
const seed = Number(values.seed ?? Math.floor(Math.random() * 1e6))
console.log(`seed ${String(seed)}, ${values.minutes} minutes, ${values.nodes} nodes, in ${folder}`)
const tally = await campaign({
  folder, seed, nodes: Number(values.nodes), seconds: Number(values.minutes) * 60, killsDaemon: !values['without-daemon-kills'],
  say: (text) => { console.log(text) },
})
console.log(`${JSON.stringify(tally.events)}; ${String(tally.steps)} steps, ${(tally.writtenBytes / 1e6).toFixed(0)} MB written, ${String(tally.snapshots)} snapshots, ${String(tally.blobs)} blobs on each node; ${String(tally.acknowledged)} acknowledged blobs looked for after kills; ${String(tally.faults.length)} faults`)
if (tally.faults.length === 0) rmSync(folder, { recursive: true, force: true })
process.exitCode = tally.faults.length === 0 ? 0 : 1
