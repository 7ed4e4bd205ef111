// What travels as text: invitations, addresses, the two bodies of a pairing, problems, and the paths of the table.
import tap from 'tap'
import { createHmac } from 'node:crypto'
import { VaultError } from '../../../lib/terms/errors.js'
import type { VaultId } from '../../../lib/terms/bytes.js'
import { sha256 } from '../../../native-deps/sodium.js'
import { decodeInvitation, encodeInvitation, invitationId, invitationName, isPairingProof, pairingProof } from '../../../lib/wire/invitation.js'
import { decodePairingAnswer, decodePairingRequest, encodePairingAnswer, encodePairingRequest } from '../../../lib/wire/pairing-messages.js'
import { decodeAddress, encodeAddress, pinOf, splitPlace } from '../../../lib/wire/pin.js'
import { decodeProblem, encodeProblem, statusOf } from '../../../lib/wire/problem.js'
import { pathOf, routes } from '../../../lib/wire/routes.js'
import { randomBytes } from '../../support/random-bytes.js'

const invitation = { expirySec: 1_800_000_000, secret: randomBytes(1, 16), pin: randomBytes(2, 32), places: ['attic.example:8440', '[2001:db8::1]:80', '192.0.2.1:1'] }

tap.test('an invitation', (t) => {
  const code = encodeInvitation(invitation)
  t.match(code, /^vfsn1_[A-Za-z0-9_-]+$/)
  t.same(decodeInvitation(code), invitation)
  t.same(decodeInvitation(`\n ${code.slice(0, 20)}\r\n\t${code.slice(20)} `), invitation, 'however it was pasted')
  t.same(decodeInvitation(encodeInvitation({ ...invitation, places: [] })).places, [])
  for (let at = 0; at < code.length; at++) {
    const other = `${code.slice(0, at)}${code[at] === 'A' ? 'B' : 'A'}${code.slice(at + 1)}`
    t.throws(() => decodeInvitation(other), { code: 'usage' }, `character ${at}`)
  }
  for (const text of ['', 'vfsn1_', code.slice(0, -1), `${code}A`, code.slice(6), 'vfsn2_' + code.slice(6), 'x'.repeat(100_000)]) {
    const error = caught(() => decodeInvitation(text))
    t.equal(error?.code, 'usage')
    t.notOk(error?.message.includes(code.slice(10, 20)), 'and it is not quoted')
  }
  const signed = (bytes: Uint8Array): string => 'vfsn1_' + Buffer.from([...bytes, ...sha256(bytes).subarray(0, 4)]).toString('base64url')
  const bytes = new Uint8Array(Buffer.from(code.slice(6), 'base64url')).slice(0, -4)
  t.throws(() => decodeInvitation(signed(bytes.with(0, 2))), { code: 'format-unknown' })
  t.throws(() => decodeInvitation(signed(new Uint8Array([...bytes, 0]))), { code: 'corrupt' }, 'bytes behind the end')
  t.throws(() => decodeInvitation(signed(bytes.with(53, 9))), { code: 'corrupt' }, 'more addresses than may be')
  t.throws(() => decodeInvitation(encodeInvitation({ ...invitation, places: ['no port'] })), { code: 'usage' })
  t.equal(invitationId(invitation.secret).byteLength, 16)
  t.notOk(Buffer.from(invitationId(invitation.secret)).equals(invitation.secret))
  t.match(invitationName(invitationId(invitation.secret)), /^[0-9a-f]{8}$/)
  t.end()
})

function caught(work: () => unknown): VaultError | undefined {
  try {
    work()
    return undefined
  } catch (error) {
    return error instanceof VaultError ? error : undefined
  }
}

tap.test('the proof of a pairing', (t) => {
  const scene = { secret: randomBytes(1, 16), exporter: randomBytes(2, 32), clientPin: randomBytes(3, 32), nodePin: randomBytes(4, 32) }
  const proof = pairingProof('client', scene)
  t.same(proof, createHmac('sha256', scene.secret).update(Buffer.concat([Buffer.from('vaultfs pair/v1 client\0'), scene.exporter, scene.clientPin, scene.nodePin])).digest(), 'PROTOCOL §10')
  t.ok(isPairingProof(proof, 'client', scene))
  t.notOk(isPairingProof(proof, 'node', scene), 'a mirror is no node')
  for (const key of ['secret', 'exporter', 'clientPin', 'nodePin'] as const) t.notOk(isPairingProof(proof, 'client', { ...scene, [key]: randomBytes(9, scene[key].byteLength) }), key)
  t.notOk(isPairingProof(proof.subarray(0, 31), 'client', scene))
  t.notOk(isPairingProof(new Uint8Array(0), 'client', scene))
  t.end()
})

tap.test('addresses', (t) => {
  const pin = pinOf(randomBytes(1, 32))
  for (const place of ['attic.example:8440', '[2001:db8::1]:80', '192.0.2.1:65535']) t.same(decodeAddress(` ${encodeAddress({ place, pin })}\n`), { place, pin })
  t.same(splitPlace('[::1]:80'), { host: '::1', port: 80 })
  t.same(splitPlace('a:1'), { host: 'a', port: 1 })
  for (const place of ['', 'a', 'a:', ':1', 'a:0', 'a:65536', 'a:1.5', '::1:80', '[::1]', 'a b:1', 'http://a:1', 'a:1/x', '[attic]:1', 'user@a:1']) t.throws(() => splitPlace(place), { code: 'usage' }, place)
  const good = encodeAddress({ place: 'a:1', pin })
  for (const text of ['a:1', good.slice(0, -1), `${good}A`, good.replace('#', ' '), `${good}#`, good.replace('a:1', 'a')]) t.throws(() => decodeAddress(text), { code: 'usage' }, text)
  t.end()
})

const request = {
  invitationId: randomBytes(1, 16), proof: randomBytes(2, 32), vaultId: randomBytes(3, 32) as Uint8Array as VaultId, ownerPublicKey: randomBytes(4, 32), salt: randomBytes(5, 32),
  member: randomBytes(6, 300), recovery: randomBytes(7, 129), header: randomBytes(8, 900),
}

tap.test('the bodies of a pairing', (t) => {
  const text = encodePairingRequest(request)
  t.same(decodePairingRequest(text), request)
  t.same(decodePairingRequest(encodePairingRequest({ ...request, recovery: undefined, header: undefined })), { ...request, recovery: undefined, header: undefined })
  const value = JSON.parse(text) as Record<string, unknown>
  const changed = (changes: object): string => JSON.stringify({ ...value, ...changes })
  const wrong: readonly string[] = [
    '', 'null', '[]', '1', '{}', text.slice(0, -1), changed({ invitation: '00' }), changed({ proof: 'Z'.repeat(64) }), changed({ proof: 5 }), changed({ vault: null }), changed({ vault: {} }),
    changed({ vault: { id: 'AB'.repeat(32), owner: 'ab'.repeat(32), salt: 'ab'.repeat(32) } }), changed({ member: null }), changed({ member: '*' }), changed({ member: 'A'.repeat(800) }),
    changed({ recovery: undefined }), changed({ recovery: 'A'.repeat(2000) }), changed({ header: 'A'.repeat(100_000) }), changed({ header: {} }),
  ]
  for (const one of wrong) t.throws(() => decodePairingRequest(one), { code: 'invalid' }, one.slice(0, 60))
  const answer = { proof: randomBytes(1, 32), signing: randomBytes(2, 32), name: 'attic' }
  t.same(decodePairingAnswer(encodePairingAnswer(answer)), answer)
  for (const one of ['', '[]', '{}', '{"proof":"","signing":"","name":""}', encodePairingAnswer({ ...answer, name: 'x'.repeat(101) }), encodePairingAnswer({ ...answer, proof: randomBytes(1, 31) })]) {
    t.throws(() => decodePairingAnswer(one), { code: 'invalid' })
  }
  t.end()
})

tap.test('problems', (t) => {
  const error = new VaultError('no-space', 'the quota is used up', { next: 'ask for more', subject: 'quota' })
  t.equal(statusOf(error), 507)
  t.match(decodeProblem(507, encodeProblem(error), 'attic'), { code: 'no-space', message: 'node attic: the quota is used up', next: 'it says: ask for more', subject: 'quota' })
  t.equal(statusOf(new Error('secret')), 500)
  t.equal(statusOf(new VaultError('broken-invariant', 'secret')), 500)
  t.notMatch(encodeProblem(new Error('secret')), /secret/)
  const heard = (status: number, text: string): string => decodeProblem(status, text, 'attic').code
  t.same([heard(503, ''), heard(429, '{}'), heard(500, '[1]'), heard(418, '"x"')], ['busy', 'busy', 'busy', 'invalid'])
  for (const code of ['broken-invariant', 'wrong-passphrase', 'io', 'offline', 'cancelled', 'no-fuse', 'toString', '__proto__', 5, null]) t.equal(heard(400, JSON.stringify({ code, message: 'x' })), 'invalid', String(code))
  for (const code of ['invalid', 'denied', 'not-permitted', 'not-found', 'chain-broken', 'forked', 'too-large', 'corrupt', 'busy', 'no-space']) t.equal(heard(400, JSON.stringify({ code })), code)
  t.equal(decodeProblem(400, JSON.stringify({ message: 'a\u001b[2J\u009b\u2066b\u2028' }), 'attic').message, 'node attic: a\ufffd[2J\ufffd\ufffdb\ufffd')
  t.end()
})

tap.test('paths come from the table', (t) => {
  t.equal(pathOf('getBlob', { blob: 'ab' }), '/v1/blobs/ab')
  t.equal(pathOf('readEntries', { device: 'a/b' }, { after: 5, bytes: 9 }), '/v1/chains/a%2Fb?after=5&bytes=9')
  t.equal(pathOf('health'), '/v1/health')
  const seen = new Set(Object.values(routes).map(({ method, path }) => `${method} ${path}`))
  t.equal(seen.size, Object.keys(routes).length, 'no two routes are one')
  t.end()
})
