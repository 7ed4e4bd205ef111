// A node met and looked at in a thread of its own: what comes of it is what the same would say here, errors too, and it ends
// when the vault does.
import { createServer, type AddressInfo, type Socket } from 'node:net'
import t from 'tap'
import { equalBytes } from '../../../lib/terms/bytes.js'
import { Meeting } from '../../../lib/vault-meet.js'
import { inviteTo, startTestNode } from '../../support/node.js'
import { testKeys } from '../../support/open-vault.js'

const entry = new URL('../../../bin/meet-thread.js', import.meta.url)

t.test('meeting and looking', async (t) => {
  const node = await startTestNode(t)
  const { page, header: { vaultId, ownerPublicKey, salt }, identity } = await testKeys()
  const ending = new AbortController()
  const meeting = new Meeting({ entry, page, owner: { vaultId, ownerPublicKey }, signal: ending.signal })
  const order = { salt, member: identity.record, recovery: undefined, header: undefined, name: 'home' }
  await t.rejects(meeting.pair({ ...order, code: 'vfsn1_nonsense' }), { name: 'VaultError', code: 'usage' })
  const met = await meeting.pair({ ...order, code: await inviteTo(node) })
  t.equal(met.name, 'home')
  t.ok(equalBytes(met.pin, node.pin))
  await node.stop()
  const silent: Socket[] = []
  const server = createServer((socket) => { silent.push(socket) })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => {
    for (const socket of silent) socket.destroy()
    server.close()
  })
  const [gone] = await meeting.probe({ peers: [met], recovery: undefined })
  t.match(gone, { places: [{ place: node.place, step: 'connection' }], failed: { step: 'connecting', error: { code: 'offline' } } })
  const waiting = meeting.probe({ peers: [{ ...met, places: [`127.0.0.1:${(server.address() as AddressInfo).port}`] }], recovery: undefined })
  setTimeout(() => { ending.abort() }, 300)
  await t.rejects(waiting, { code: 'cancelled', message: /unmounted/ })
  await t.rejects(meeting.probe({ peers: [met], recovery: undefined }), { code: 'cancelled' }, 'and from then on nothing is begun')
})
