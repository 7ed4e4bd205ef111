// A vault of before there was a recovery record meets a node; later the words are checked, and the node is told by itself.
import tap from 'tap'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createHeaders } from '../../../lib/crypto/header-store.js'
import { writeRecoveryFile } from '../../../lib/crypto/recovery-file.js'
import { recoveryTlsKeyPair } from '../../../lib/crypto/recovery-kit.js'
import { createVault } from '../../../lib/crypto/vault-keys.js'
import { openPeer } from '../../../lib/peer/open-peer.js'
import { pairWithNode } from '../../../lib/peer/pairing.js'
import { recoveryRecordOf } from '../../../lib/peer/recovery-record.js'
import { ownerTeller } from '../../../lib/vault-sync-recovery.js'
import { tlsIdentity } from '../../../lib/wire/certificate.js'
import { systemClock, systemEntropy } from '../../../bin/system-sources.js'
import { inviteTo, startTestNode } from '../../support/node.js'

tap.test('a node learns of the kit when it is reached, and the kit comes in', async (t) => {
  const store = mkdtempSync(join(tmpdir(), 'vaultfs-telling-'))
  t.teardown(() => { rmSync(store, { recursive: true }) })
  const made = await createVault({ passphrase: Buffer.from('x'), cost: { memoryBytes: 64 * 1024 * 1024, passes: 1 }, entropy: systemEntropy, nowSec: systemClock.now().sec, deviceName: 'here' })
  await createHeaders(store, made.headerBytes)
  const { vaultId, ownerPublicKey, salt } = made.header
  const node = await startTestNode(t)
  const tls = await tlsIdentity(made.page.key('device-tls'))
  const known = await pairWithNode(await inviteTo(node), {
    vaultId, ownerPublicKey, salt, member: made.identity.record, tls, recovery: undefined, header: undefined, name: 'attic', nowSec: systemClock.now().sec, entropy: systemEntropy,
  })
  const kit = openPeer(known, { vaultId, tls: await tlsIdentity(recoveryTlsKeyPair(made.kit).secretKey) })
  t.teardown(() => kit.close())
  await t.rejects(kit.health(), { code: 'denied' })

  const told: string[] = []
  const reach = async (tellings: number): Promise<void> => {
    const teller = ownerTeller(store, vaultId, { log: (level, message) => { told.push(`${level} ${message}`) } })
    let isReached = 0
    const peer = openPeer(known, { vaultId, tls, onReached: (reached) => { isReached++; teller(reached) } })
    await peer.health()
    await peer.health()
    const until = performance.now() + 5000
    while (told.length < tellings && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 20))
    t.equal(isReached, 1)
    await peer.close()
  }
  await reach(0)
  t.same(told, [], 'nothing to tell yet')
  await writeRecoveryFile(store, recoveryRecordOf(made.kit, vaultId))
  await reach(1)
  t.match((await kit.health()).version, 'test')
  await reach(1)
  t.same(told, ['info a node lets the recovery kit in from now on'], 'told once')
  await writeRecoveryFile(store, recoveryRecordOf(systemEntropy.bytes(32), vaultId))
  await reach(1)
  t.equal(told.length, 1, 'what the owner did not sign is no reason to change what the node has')
})
