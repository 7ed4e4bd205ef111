// Two that meet: the code works once and only over the connection that it was shown on, and each is told apart from whoever
// could stand between.
import tap from 'tap'
import { createHash } from 'node:crypto'
import { openPeer } from '../../../lib/peer/open-peer.js'
import { pairWithNode, type Pairing } from '../../../lib/peer/pairing.js'
import { decodePairingRequest, encodePairingAnswer } from '../../../lib/wire/pairing-messages.js'
import { pinOf } from '../../../lib/wire/pin.js'
import { signKeyPair } from '../../../native-deps/sodium.js'
import { randomBytes } from '../../support/random-bytes.js'
import { seededEntropy } from '../../support/seeded-entropy.js'
import { lieAt, quick, stranger, tls, vaultId } from './peer-hand.js'
import { SmallNode } from './small-node.js'

const nowSec = 1_700_000_000
const soon = nowSec + 600

function pairing(changes: Partial<Pairing> = {}): Pairing {
  return {
    vaultId, ownerPublicKey: randomBytes(1, 32), salt: randomBytes(2, 32), member: randomBytes(3, 200), tls, recovery: undefined, header: randomBytes(4, 900),
    name: 'attic', nowSec, entropy: seededEntropy(1), patience: quick, ...changes,
  }
}

interface Ends {
  teardown(end: () => Promise<void>): void
}

async function startNode(t: Ends, seed = 20): Promise<SmallNode> {
  const node = await SmallNode.start({ seed, vaultId })
  t.teardown(() => node.close())
  return node
}

tap.test('an invitation is used once, and from then on each knows the other', async (t) => {
  const node = await startNode(t)
  const requests: string[] = []
  node.lie = (_, __, body) => {
    requests.push(Buffer.from(body).toString('utf8'))
    return false
  }
  const code = node.invitation(soon)
  const known = await pairWithNode(`  ${code.slice(0, 30)}\n${code.slice(30)} `, pairing({ recovery: randomBytes(5, 129) }))
  t.match(known, { name: 'attic', places: [node.place], addedSec: nowSec })
  t.same(known.pin, node.pin)
  t.same(known.signing, node.signing.publicKey)
  t.equal(known.peerId.byteLength, 8)
  const request = decodePairingRequest(requests[0] ?? '')
  t.same([request.member, request.header, request.recovery], [randomBytes(3, 200), randomBytes(4, 900), randomBytes(5, 129)])
  t.notOk(requests[0]?.includes(Buffer.from(randomBytes(22, 16)).toString('hex')), 'the secret is not sent')
  const peer = openPeer(known, { vaultId, tls })
  t.teardown(() => peer.close())
  t.equal((await peer.health()).version, '1')
  await t.rejects(pairWithNode(code, pairing()), { code: 'denied', message: /node attic: the invitation is not known, or was used/ }, 'a second time')
  t.equal((await pairWithNode((await startNode(t, 40)).invitation(soon), pairing({ name: undefined }))).name, 'small', 'it has a name of its own')
})

tap.test('codes that can not be used are refused before anything is sent', async (t) => {
  const node = await startNode(t)
  const code = node.invitation(soon)
  await t.rejects(pairWithNode(node.invitation(nowSec), pairing()), { code: 'denied', message: /held until 2023-11-14 22:13:20 UTC/ }, 'one that ended')
  await t.rejects(pairWithNode(code.slice(0, -3), pairing()), { code: 'usage' }, 'half of one')
  await t.rejects(pairWithNode('', pairing()), { code: 'usage' })
  await t.rejects(pairWithNode(node.invitation(soon, { places: [] }), pairing()), { code: 'offline' }, 'one without an address')
  t.same(node.requests, [])
})

tap.test('a wrong secret is the end of it', async (t) => {
  const node = await startNode(t)
  await t.rejects(pairWithNode(node.invitation(soon, { secret: randomBytes(99, 16) }), pairing()), { code: 'denied', message: /node attic/ })
  t.equal(node.pairings, 0)
})

tap.test('another in the place of the node learns nothing that works', async (t) => {
  const [node, other] = [await startNode(t), await startNode(t, 50)]
  await t.rejects(pairWithNode(node.invitation(soon, { places: [other.place] }), pairing()), { code: 'corrupt', message: /another answers in its place/ })
  t.same(other.requests, [], 'it is not even asked')
  const known = await pairWithNode(node.invitation(soon, { places: [other.place, node.place] }), pairing())
  t.same(known.places, [node.place, other.place], 'the address that answered comes first')
})

tap.test('a proof that was carried over from another connection is none', async (t) => {
  const [node, middle] = [await startNode(t), await startNode(t, 60)]
  // With the invitation's pin changed by somebody who gave the code on, the client connects to him, and he to the node.
  let refusal: unknown
  middle.lie = lieAt('/v1/pair', (_, response, body) => {
    void relay(node, body).then((status) => {
      refusal = status
      response.writeHead(status).end('{}')
    })
  })
  await t.rejects(pairWithNode(node.invitation(soon, { pin: middle.pin, places: [middle.place] }), pairing()), { code: 'invalid' })
  t.equal(refusal, 401)
  t.equal(node.pairings, 0)
})

async function relay(node: SmallNode, body: Uint8Array): Promise<number> {
  const { Client } = await import('undici')
  const client = new Client(`https://${node.place}`, { allowH2: false, connect: { rejectUnauthorized: false, key: stranger.key, cert: stranger.cert } })
  try {
    return (await client.request({ method: 'POST', path: '/v1/pair', body: Buffer.from(body) })).statusCode
  } finally {
    await client.destroy()
  }
}

tap.test('a node that has the key but not the secret is not believed', async (t) => {
  const node = await startNode(t)
  const answers: readonly (readonly [string, string, object])[] = [
    ['a proof of nothing', encodePairingAnswer({ proof: new Uint8Array(32), signing: node.signing.publicKey, name: 'x' }), { code: 'corrupt', message: /does not have the secret/ }],
    ['no answer', '', { code: 'corrupt' }],
    ['a key that is none', '{"proof":"00","signing":"","name":"x"}', { code: 'corrupt' }],
    ['too much', ' '.repeat(300_000), { code: 'corrupt', message: /cut off/ }],
  ]
  for (const [what, answer, expected] of answers) {
    node.lie = lieAt('/v1/pair', (_, response) => { response.end(answer) })
    await t.rejects(pairWithNode(node.invitation(soon), pairing()), expected as { code: string }, what)
  }
  // Our own proof sent back.
  node.lie = lieAt('/v1/pair', (_, response, body) => {
    response.end(encodePairingAnswer({ proof: decodePairingRequest(Buffer.from(body).toString('utf8')).proof, signing: node.signing.publicKey, name: 'x' }))
  })
  await t.rejects(pairWithNode(node.invitation(soon), pairing()), { code: 'corrupt', message: /does not have the secret/ }, 'a mirror')
  node.lie = lieAt('/v1/pair', (_, response) => { response.destroy() })
  await t.rejects(pairWithNode(node.invitation(soon), pairing()), { code: 'denied', message: /hung up/ })
  node.lie = lieAt('/v1/pair', () => undefined)
  await t.rejects(pairWithNode(node.invitation(soon), pairing()), { code: 'deadline' })
})

tap.test('a pin is the hash of the key in its certificate', (t) => {
  const { publicKey } = signKeyPair(randomBytes(7, 32))
  const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), publicKey])
  t.same(pinOf(publicKey), new Uint8Array(createHash('sha256').update(der).digest()))
  t.end()
})
