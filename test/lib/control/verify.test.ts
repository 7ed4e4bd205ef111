// Verifying over the control socket: what is found arrives as it comes, and the daemon hears when nobody listens any more.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ControlClient } from '../../../lib/control/client.js'
import { ControlServer } from '../../../lib/control/server.js'
import type { Verify, VerifyEvent } from '../../../lib/control/verify-port.js'
import { silent } from '../../../lib/terms/log.js'
import type { VerifyFinding } from '../../../lib/vault-verify-report.js'
import { noPast } from '../../support/no-past.js'
import { noPeers } from '../../support/no-peers.js'

const folder = mkdtempSync(join(tmpdir(), 'vaultfs-control-'))
t.teardown(() => { rmSync(folder, { recursive: true }) })

async function connected(t: Test, verify: Verify): Promise<ControlClient> {
  const unasked = (): Promise<never> => Promise.reject(new Error('nobody was to ask that'))
  const path = join(folder, `${t.name.length}.sock`)
  const server = await ControlServer.open({ path, port: { past: noPast, peers: noPeers, verify, status: unasked, sync: unasked, trust: unasked, unmount: unasked }, logger: silent })
  t.teardown(() => server.close())
  const client = await ControlClient.connect(path)
  t.teardown(() => { client.close() })
  return client
}

const finding: VerifyFinding = { kind: 'content', subject: 'a', path: 'a', message: 'it is damaged', versions: [], moreVersions: 0, next: 'look' }
const summary = { findings: 1, manifestEntries: 2, contents: 3, blobs: 4, blobBytes: 5, loggedBytes: 6, unnamedBlobs: 0, unpublished: 0 }

t.test('findings and progress in their order, then the summary', async (t) => {
  const progress = { phase: 'blobs', done: 1, total: 2, elapsedMs: 3 } as const
  const client = await connected(t, async (onEvents) => {
    await onEvents([{ progress }])
    await onEvents([{ finding }])
    return summary
  })
  const events: VerifyEvent[] = []
  t.same(await client.verify((some) => { events.push(...some) }), summary)
  t.same(events, [{ progress }, { finding }])
})

t.test('whoever asked has gone', async (t) => {
  const told = Promise.withResolvers<unknown>()
  const client = await connected(t, async (onEvents) => {
    try {
      for (;;) {
        await onEvents([{ finding }])
        await new Promise((resolve) => setImmediate(resolve))
      }
    } catch (error) {
      told.resolve(error)
      throw error
    }
  })
  const first = Promise.withResolvers<undefined>()
  const asked = client.verify(() => { first.resolve(undefined) })
  await first.promise
  client.close()
  await t.rejects(asked)
  t.match(await told.promise, { code: 'cancelled' })
})
