// Group commit, and what happens when a sync fails: nothing of that group is called durable, nor any job of which a part
// was in it, and the writers turn to other files.

import { once } from 'node:events'
import { MessageChannel } from 'node:worker_threads'
import t from 'tap'
import type { AppendedBlobs, BlobKeeper } from '../../../lib/store/blob-cache-port.js'
import { VaultError } from '../../../lib/terms/errors.js'
import { KeeperRole } from '../../../lib/workers/keeper-role.js'
import type { Answer, CommitRequest } from '../../../lib/workers/messages.js'
import { Slots } from '../../../lib/workers/slots.js'

class FakeKeeper implements BlobKeeper {
  readonly commits: number[][] = []
  failing = false
  commit(appended: readonly AppendedBlobs[]): void {
    if (this.failing) throw new VaultError('io', 'the disk is gone', { subject: 'segment' })
    this.commits.push(appended.map(({ segment }) => segment))
  }
  delete(): void { this.commits.push([]) }
  statistics(): { blobs: number; bytes: number } { return { blobs: this.commits.flat().length, bytes: 0 } }
  close(): void { this.commits.push([-1]) }
}

function request(segment: number, unfinished: number[], done: number[]): CommitRequest {
  return {
    appended: [{ segment, rows: new Uint8Array(40) }], unfinished,
    done: done.map((id) => ({ id, references: Uint8Array.of(id) })),
  }
}

t.test('commits together what came together, and fails it together', async (t) => {
  const main = new MessageChannel()
  const writers = [new MessageChannel(), new MessageChannel()] as const
  const keeper = new FakeKeeper()
  new KeeperRole({ port: main.port2, writers: writers.map(({ port2 }) => port2), keeper })
  const answers: Answer[] = []
  const answered = async (count: number): Promise<void> => { while (answers.length < count) await once(main.port1, 'message') }
  main.port1.on('message', (answer: Answer) => answers.push(answer))

  writers[0].port1.postMessage(request(1, [], [10]))
  writers[0].port1.postMessage(request(1, [11], []))
  writers[1].port1.postMessage(request(2, [], [12]))
  await answered(2)
  t.equal(keeper.commits.flat().length, 3)
  t.same(answers.map((answer) => (answer.kind === 'done' ? answer.id : answer.kind)).sort(), [10, 12], 'not the unfinished one')

  keeper.failing = true
  const abandoned = once(writers[0].port1, 'message')
  writers[0].port1.postMessage(request(3, [11], [13]))
  await answered(3)
  t.match(answers[2], { kind: 'failed', id: 13, error: { code: 'io', subject: 'segment' } })
  t.same(await abandoned, [{ segment: 3 }])
  keeper.failing = false
  writers[0].port1.postMessage(request(4, [], [11, 14]))
  await answered(5)
  t.match(answers[3], { kind: 'failed', id: 11, error: { code: 'io' } }, 'its earlier part was lost')
  t.match(answers[4], { kind: 'done', id: 14 })

  const closed = Promise.all([once(main.port1, 'close'), ...writers.map(({ port1 }) => once(port1, 'close'))])
  writers[1].port1.postMessage(request(5, [], [15]))
  await answered(6)
  main.port1.postMessage([{ kind: 'close' }])
  await closed
  t.same(keeper.commits.at(-1), [-1])
})

t.test('slots: nobody overtakes', async (t) => {
  const slots = new Slots(4, 10)
  const first = await slots.take(3)
  t.equal(new Set(first).size, 3)
  const order: string[] = []
  const large = slots.take(4).then((taken) => {
    order.push('large')
    slots.give(taken)
  })
  t.equal(slots.takeNow(), undefined, 'though one is free')
  const small = slots.take(1).then((taken) => {
    order.push('small')
    slots.give(taken)
  })
  slots.give(first)
  await Promise.all([large, small])
  t.same(order, ['large', 'small'])
  t.throws(() => slots.take(5), { code: 'broken-invariant' })
  const all = await slots.take(4)
  const refused = slots.take(1)
  slots.refuse(new Error('no'))
  await t.rejects(refused, { message: 'no' })
  slots.give(all)
  t.not(slots.takeNow(), undefined)
})
