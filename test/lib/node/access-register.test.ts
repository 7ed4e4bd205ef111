// What a node knows, when it is read and written at the same time.
import t from 'tap'
import { AccessRegister } from '../../../lib/node/access-register.js'
import { noAccess, type Access } from '../../../lib/node/access.js'
import { MemoryNodeStorage, NodeMemory } from '../../support/memory-node-storage.js'

function inviting(id: string): (access: Access) => { readonly access: Access; readonly result: undefined } {
  return (access) => ({ access: { ...access, invitations: [...access.invitations, { id, secret: new Uint8Array(16), expirySec: 1, failures: 0 }] }, result: undefined })
}

t.test('a refresh that sees our own change before we hear that it is written', async (t) => {
  const memory = new NodeMemory()
  const { records } = new MemoryNodeStorage(memory)
  const register: AccessRegister = await AccessRegister.open({
    get: (name) => records.get(name), remove: (name) => records.remove(name), list: (prefix) => records.list(prefix),
    put: async (name, expected, bytes) => {
      const isPut = await records.put(name, expected, bytes)
      await register.refresh()
      return isPut
    },
  })
  t.same(register.access, noAccess)
  await register.change(inviting('01'))
  await register.change(inviting('02'))
  const other = await AccessRegister.open(records)
  await other.change(inviting('03'))
  await register.refresh()
  await register.change(inviting('04'))
  await other.refresh()
  for (const { access } of [register, other]) t.same(access.invitations.map(({ id }) => id), ['01', '02', '03', '04'])
})
