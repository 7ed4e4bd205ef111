// Who takes an answer slowly gets all of it; who hardly takes it is cut off, and nobody asks before the last answer has ended.
import { connect, type TLSSocket } from 'node:tls'
import t from 'tap'
import { hex } from '../../../lib/terms/bytes.js'
import { splitPlace } from '../../../lib/wire/pin.js'
import { inviteTo, startTestNode } from '../../support/node.js'
import { pairTestDevice, TestClient, TestOwner, testBlobs } from '../../support/node-client.js'

const MiB = 1024 * 1024

t.test('a large blob', async (t) => {
  const node = await startTestNode(t, { patience: { headMs: 20_000, idleMs: 20_000, spanMs: 300 } })
  const { parts } = await new TestOwner(1).device(1)
  await pairTestDevice(await new TestOwner(1).device(1), await inviteTo(node))
  const client = new TestClient({ place: node.place, identity: parts.identity })
  t.teardown(() => { client.close() })
  const [blob] = testBlobs(1, 1, 12 * MiB)
  if (blob === undefined) throw new Error('no blob')
  const path = `/v1/blobs/${hex(blob.blobId)}`
  t.equal((await client.send('PUT', path, blob.sealed)).status, 201)
  const asking = `GET ${path} HTTP/1.1\r\nhost: node\r\n\r\n`
  const open = (says: string): TLSSocket => {
    const socket = connect({ ...splitPlace(node.place), rejectUnauthorized: false, ...parts.identity })
    socket.on('error', () => undefined)
    socket.write(says)
    t.teardown(() => { socket.destroy() })
    return socket
  }
  const honest = await new Promise<Buffer>((resolve) => {
    const socket = open(asking)
    const pieces: Buffer[] = []
    let length = 0
    socket.on('data', (piece: Buffer) => {
      pieces.push(piece)
      length += piece.byteLength
      if (length > blob.sealed.byteLength) return void socket.destroy()
      socket.pause()
      // 5 MiB a second: many spans.
      setTimeout(() => { socket.resume() }, (1000 * piece.byteLength) / (5 * MiB))
    })
    socket.on('close', () => { resolve(Buffer.concat(pieces)) })
  })
  t.ok(honest.subarray(honest.indexOf('\r\n\r\n') + 4).equals(blob.sealed), 'a slow reader gets all of it')
  const { counts } = node.running.listener
  const before = counts.open
  const stuck = open(asking)
  await new Promise((resolve) => stuck.once('data', resolve))
  stuck.pause()
  t.equal(counts.open, before + 1)
  await untilTrue(() => counts.open === before)
  t.pass('who takes nothing any more is cut off')
  const said = await new Promise<string>((resolve) => {
    let text = ''
    const socket = open(asking + asking)
    socket.on('data', (piece: Buffer) => { text += piece.toString('latin1') })
    socket.on('close', () => { resolve(text) })
  })
  t.ok(said.length < blob.sealed.byteLength, 'a second request before the first was answered ends the connection')
  t.equal((await client.send('GET', path)).body.byteLength, blob.sealed.byteLength, 'one after the other they are answered')
  t.equal((await client.send('GET', '/v1/health')).status, 200)
})

async function untilTrue(isTrue: () => boolean): Promise<void> {
  for (let tries = 0; !isTrue(); tries++) {
    if (tries === 1200) throw new Error('it did not come to pass')
    await new Promise((resolve) => { setTimeout(resolve, 50) })
  }
}
