// When a thread that gets many bytes by message looks for dead ones.
import { once } from 'node:events'
import { MessageChannel } from 'node:worker_threads'
import t from 'tap'
import { limitExternalMemory } from '../../../lib/workers/external-memory.js'

t.test('some megabytes after the last time, and not before', async (t) => {
  const { port1, port2 } = new MessageChannel()
  let collected = 0
  limitExternalMemory(port2, () => { collected++ })
  const got: unknown[] = []
  port2.on('message', (bytes) => got.push(bytes))
  const send = async (bytes: number): Promise<void> => {
    const arrived = once(port2, 'message')
    port1.postMessage(new Uint8Array(bytes))
    await arrived
  }
  for (let count = 0; count < 50; count++) await send(1000)
  t.equal(collected, 0, 'small ones')
  for (let count = 0; count < 40; count++) await send(1024 * 1024)
  t.ok(collected >= 2 && collected <= 12, `${String(collected)} times in 40 MiB`)
  port1.close()
  t.equal(got.length, 90)
})

t.test('where nothing can be collected nothing is asked', (t) => {
  const { port1, port2 } = new MessageChannel()
  limitExternalMemory(port2, undefined)
  t.equal(port2.listenerCount('message'), 0)
  port1.close()
  t.end()
})
