// What the owner of one vault says can't take another vault's keys away from it.
import t from 'tap'
import { signTagged } from '../../../lib/crypto/signature.js'
import { encodeMember } from '../../../lib/format/member-record.js'
import { principalsOf, revokedDevices, withGrant, type Access, type VaultGrant } from '../../../lib/node/access.js'
import { withMember, withRecovery, withRevocation } from '../../../lib/node/member-list.js'
import { nodeLimits } from '../../../lib/node/node-limits.js'
import { concatBytes, hex, type DeviceId } from '../../../lib/terms/bytes.js'
import { encodeRecoveryRecord, encodeRevocation } from '../../../lib/wire/owner-records.js'
import { pinOf } from '../../../lib/wire/pin.js'
import { TestOwner } from '../../support/node-client.js'

function grantOf({ vaultId, keys, salt }: TestOwner, members: readonly Uint8Array[]): VaultGrant {
  return { vaultId, ownerPublicKey: keys.publicKey, salt, addedSec: 1, members, revocations: [], recovery: undefined, quotaBytes: undefined, dailyBytes: undefined }
}

t.test('the TLS keys of another vault', async (t) => {
  const [alice, mallory] = [new TestOwner(1), new TestOwner(5001)]
  const [device, other] = [await alice.device(1), await mallory.device(1)]
  const a = { ...grantOf(alice, [device.parts.record]), recovery: alice.recoveryRecord }
  const m = grantOf(mallory, [other.parts.record])
  const access: Access = { vaults: [a, m], invitations: [] }
  const recoveryOf = (tlsPublicKey: Uint8Array): Uint8Array => encodeRecoveryRecord({ vaultId: mallory.vaultId, tlsPublicKey }, mallory.keys.secretKey)
  const memberOf = (tlsPublicKey: Uint8Array): Uint8Array => {
    const signed = encodeMember({
      vaultId: mallory.vaultId, deviceId: other.parts.deviceId, signPublicKey: other.parts.sign.publicKey, boxPublicKey: new Uint8Array(32), tlsPublicKey, createdSec: 1_800_000_000, name: 'mine',
    })
    return concatBytes(signed, signTagged('member/v1', signed, mallory.keys.secretKey))
  }
  for (const [whose, { publicKey }] of [["a device's", device.parts.tls], ["a kit's", alice.recovery]] as const) {
    t.throws(() => withRecovery(access, m, recoveryOf(publicKey)), { code: 'exists' }, `no recovery key that is ${whose}`)
    t.throws(() => withMember(access, m, memberOf(publicKey)), { code: 'exists' }, `no member's key that is ${whose}`)
    const before = principalsOf(access).get(hex(pinOf(publicKey)))
    for (const forced of [{ ...m, recovery: recoveryOf(publicKey) }, { ...m, members: [memberOf(publicKey)] }]) {
      t.same(principalsOf(withGrant(access, mallory.vaultId, () => forced)).get(hex(pinOf(publicKey))), before, 'and where it came in before, the earlier vault has it')
    }
  }
  t.throws(() => withRecovery(access, m, recoveryOf(other.parts.tls.publicKey)), { code: 'exists' }, 'nor one of its own devices')
  const whole = withRecovery(access, m, mallory.recoveryRecord)
  t.equal(withRecovery(withGrant(access, mallory.vaultId, () => whole), whole, mallory.recoveryRecord), whole, 'its own, and told twice it is one')
})

t.test('no more revocations than there can be members', async (t) => {
  const owner = new TestOwner(1)
  const revocationOf = (number: number): Uint8Array => {
    const deviceId = new Uint8Array(16)
    new DataView(deviceId.buffer).setUint32(0, number)
    return encodeRevocation({ vaultId: owner.vaultId, deviceId: deviceId as Uint8Array as DeviceId, lastSequence: 1, sec: 1 }, owner.keys.secretKey)
  }
  const records = Array.from({ length: nodeLimits.revocationsPerVaultMax }, (_, number) => revocationOf(number))
  const full = { ...grantOf(owner, []), revocations: records }
  t.throws(() => withRevocation(full, revocationOf(records.length)), { code: 'too-many' })
  t.equal(withRevocation(full, revocationOf(7)), full, 'one that is known is no more')
  t.equal(revokedDevices(full).size, records.length)
  t.throws(() => withRevocation(grantOf(owner, []), encodeRevocation({ vaultId: owner.vaultId, deviceId: new Uint8Array(16) as Uint8Array as DeviceId, lastSequence: 1, sec: 1 }, owner.recovery.secretKey)), { code: 'corrupt' })
})
