// Questions about the past over a real socket: arguments arrive as they were, long answers come in parts at the reader's
// pace, and what is not of this version is refused.

import { mkdtempSync, rmSync } from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { ControlClient } from '../../../lib/control/client.js'
import { encodeItems } from '../../../lib/control/messages.js'
import type { FoundReport, MomentReport, PastPort } from '../../../lib/control/past-port.js'
import { performPast } from '../../../lib/control/past-requests.js'
import { ControlServer } from '../../../lib/control/server.js'
import { VaultError } from '../../../lib/terms/errors.js'
import { limits } from '../../../lib/terms/limits.js'
import { silent } from '../../../lib/terms/log.js'
import { noPast } from '../../support/no-past.js'
import { noPeers } from '../../support/no-peers.js'

const folder = mkdtempSync(join(tmpdir(), 'vaultfs-control-past-'))
t.teardown(() => {
  rmSync(folder, { recursive: true })
})

let sockets = 0
async function connected(past: Partial<PastPort>): Promise<{ readonly client: ControlClient; readonly path: string; close(): Promise<void> }> {
  const path = join(folder, `${++sockets}.sock`)
  const unasked = (): Promise<never> => Promise.reject(new Error('not asked'))
  const server = await ControlServer.open({ path, port: { past: { ...noPast, ...past }, peers: noPeers, verify: unasked, status: unasked, sync: unasked, trust: unasked, unmount: unasked }, logger: silent })
  const client = await ControlClient.connect(path)
  return {
    client, path,
    close: async () => {
      client.close()
      await server.close()
    },
  }
}

const moment: MomentReport = { position: 3, sec: 1_714_573_805, nsec: 7, device: 'ab'.repeat(16), deviceName: null, sequence: 3 }
const found = (path: string): FoundReport => ({ path, first: moment, last: moment, live: false })

t.test('arguments and answers arrive as they were', async (t) => {
  const asked: unknown[] = []
  const { client, close } = await connected({
    snapshot: (name, onProgress) => {
      asked.push(name)
      onProgress({ phase: 'publishing', entries: 1, bytes: 2 })
      return Promise.resolve({ name: 'before', moment })
    },
    restore: async (order, onItems) => {
      asked.push(order)
      await onItems([{ kind: 'replace', path: 'a\xff', entry: 'file', size: 5 }])
      return { moment, path: 'a\xff', target: 'b', unchanged: 2 }
    },
    differences: (order) => {
      asked.push(order)
      return Promise.resolve({ from: moment, to: moment })
    },
    forget: (order) => {
      asked.push(order)
      return Promise.resolve({ moments: 1, versions: 2, kept: 3, policy: { withinSec: 1, hourly: 2, daily: 3, weekly: 4, monthly: 5 } })
    },
  })
  const phases: string[] = []
  t.strictSame(await client.past.snapshot('before', ({ phase }) => phases.push(phase)), { name: 'before', moment })
  await client.past.snapshot(undefined, () => undefined)
  t.strictSame(phases, ['publishing'])
  const order = { path: 'a\xff', when: { kind: 'through', sec: -5 }, to: null, exact: true, preview: true } as const
  const steps: unknown[] = []
  t.strictSame(await client.past.restore(order, (items) => { steps.push(...items) }), { moment, path: 'a\xff', target: 'b', unchanged: 2 })
  t.strictSame(steps, [{ kind: 'replace', path: 'a\xff', entry: 'file', size: 5 }])
  const between = { from: { kind: 'snapshot', name: 'ü' }, to: { kind: 'now' }, path: '' } as const
  await client.past.differences(between, () => undefined)
  const forgetting = { policy: { daily: 0 }, offsetMin: -90, drop: ['a', 'b'], dryRun: true }
  t.equal((await client.past.forget(forgetting)).versions, 2)
  t.strictSame(asked, ['before', undefined, order, between, forgetting])
  await close()
})

t.test('a long answer comes in lines of bounded length, and all of it', async (t) => {
  const names = Array.from({ length: 20_000 }, (_, at) => found(`folder/${'x'.repeat(at % 200)}/${at}`))
  for (const line of encodeItems(1, names)) t.ok(line.length <= limits.controlLineBytesMax)
  t.throws(() => [...encodeItems(1, [found('x'.repeat(limits.controlLineBytesMax))])], { code: 'too-large' })
  const { client, close } = await connected({ find: (_, onItems) => Promise.resolve(onItems(names)) })
  const seen: string[] = []
  await client.past.find({ pattern: '*', limit: 20_000 }, (items) => {
    seen.push(...items.map(({ path }) => path))
  })
  t.strictSame(seen, names.map(({ path }) => path))
  await close()
})

t.test('who does not read holds back the answer, not memory; who is gone ends it', async (t) => {
  let sent = 0
  const ended = Promise.withResolvers<unknown>()
  const { path, close } = await connected({
    find: async (_, onItems) => {
      try {
        for (; sent < 10_000; sent++) await onItems(Array.from({ length: 50 }, () => found('x'.repeat(1000))))
        ended.resolve(undefined)
      } catch (error) {
        ended.resolve(error)
        throw error
      }
    },
  })
  const socket = createConnection(path)
  socket.pause()
  socket.write('{"id":1,"verb":"find","args":{"pattern":"*","limit":1}}\n')
  // Until nothing more is taken: what the kernel holds between the two is all that is in flight.
  for (let before = -1; before !== sent || sent === 0;) {
    before = sent
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  t.ok(sent < 1000, `${sent} parts of 10 000`)
  socket.destroy()
  t.match(await ended.promise, { code: 'cancelled' })
  await close()
})

t.test('an error keeps its code, after parts of an answer too', async (t) => {
  const { client, close } = await connected({
    versions: async (_, onItems) => {
      await onItems([{ from: moment, path: null, kind: 'file', size: 1, changes: ['deleted'] }])
      throw new VaultError('stale', 'let go of', { next: 'ask again' })
    },
  })
  const seen: unknown[] = []
  await t.rejects(client.past.versions('a', (items) => { seen.push(...items) }), { code: 'stale', message: 'let go of', next: 'ask again' })
  t.equal(seen.length, 1)
  await close()
})

t.test('arguments that no version of ours would send', async (t) => {
  const onProgress = (): undefined => undefined
  const refused = (verb: 'snapshot' | 'versions' | 'differences' | 'find' | 'restore' | 'forget' | 'ping', args: Readonly<Record<string, unknown>>) =>
    t.rejects(async () => performPast({ verb, args }, noPast, { onProgress, onItems: onProgress }), { code: 'invalid' }, `${verb} ${JSON.stringify(args)}`)
  await refused('snapshot', { name: 5 })
  await refused('versions', {})
  await refused('find', { pattern: '*', limit: limits.foundNamesMax + 1 })
  await refused('find', { pattern: '*', limit: 1.5 })
  for (const when of [undefined, 'now', { kind: 'then' }, { kind: 'through', sec: 1.5 }, { kind: 'snapshot' }]) await refused('differences', { from: { kind: 'now' }, to: when, path: '' })
  await refused('restore', { path: 'a', when: { kind: 'now' }, to: 5 })
  await refused('forget', { policy: null, offsetMin: 0, drop: [] })
  await refused('forget', { policy: { daily: -1 }, offsetMin: 0, drop: [] })
  await refused('forget', { policy: {}, offsetMin: 100_000, drop: [] })
  await refused('forget', { policy: {}, offsetMin: 0, drop: 'a' })
  await refused('ping', {})
})
