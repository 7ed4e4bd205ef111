// What a real engine can't be made to do: fail on cue, answer half, answer late, lose an answer, break its promises. The server
// here is no store, each test says what it answers.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { systemClock } from '../../../../bin/system-sources.js'
import { S3Engine, type S3Patience } from '../../../../lib/node/s3/engine.js'
import { descendingName, putOnce } from '../../../../lib/node/s3/once.js'
import { S3Records } from '../../../../lib/node/s3/records.js'
import { testEngine } from '../../../../lib/node/s3/self-test.js'
import { Gate } from '../../../../lib/node/s3/gate.js'
import type { Logger } from '../../../../lib/terms/log.js'
import { seededEntropy } from '../../../support/seeded-entropy.js'

type Answer = (response: ServerResponse, request: IncomingMessage, body: Buffer) => void | Promise<void>
const entropy = seededEntropy(1)
const lines: string[] = []
const logger: Logger = { log: (level, message) => { lines.push(`${level}: ${message}`) } }

const status = (code: number, body = '', headers: Record<string, string> = {}): Answer => (response) => { response.writeHead(code, headers).end(body) }
const problem = (code: number, name: string): Answer => status(code, `<?xml version="1.0"?><Error><Code>${name}</Code></Error>`)
const hangUp: Answer = (response) => { response.socket?.destroy() }
const listingOf = (...keys: readonly string[]): string =>
  `<ListBucketResult><IsTruncated>false</IsTruncated>${keys.map((key) => `<Contents><Key>${key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><Size>1</Size></Contents>`).join('')}</ListBucketResult>`

/** The answers in their order, the last again and again. */
async function engineOver(t: Test, answers: readonly Answer[], patience: Partial<S3Patience> = {}): Promise<{ readonly engine: S3Engine; readonly requests: string[] }> {
  const requests: string[] = []
  const server = createServer((request, response) => {
    const answer = answers[Math.min(requests.length, answers.length - 1)]
    requests.push(`${request.method} ${request.url}`)
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => { void answer?.(response, request, Buffer.concat(parts)) })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const endpoint = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
  const engine = new S3Engine({
    place: { bucket: 'vaults', prefix: '', endpoint, region: 'us-east-1', caPath: undefined }, credentials: { accessKeyId: 'KEY', secretAccessKey: 'SECRET', sessionToken: undefined },
    clock: systemClock, entropy, logger, patience: { attemptMs: 2000, attempts: 4, givenUpMs: 60_000, backOffMs: 5, ...patience },
  })
  t.teardown(async () => {
    await engine.close()
    server.closeAllConnections()
    server.close()
  })
  return { engine, requests }
}

t.test('what passes is tried again, and what does not pass is told', async (t) => {
  const { engine, requests } = await engineOver(t, [status(500), problem(503, 'SlowDown'), hangUp, status(200, 'hello')])
  t.equal(Buffer.from((await engine.get('a', 10))?.bytes ?? []).toString(), 'hello')
  t.equal(requests.length, 4)
  const always = await engineOver(t, [problem(503, 'SlowDown')])
  await t.rejects(always.engine.size('a'), { code: 'busy' })
  t.equal(always.requests.length, 4, 'four attempts and no more')
  for (const [answer, code, message] of [
    [problem(403, 'SignatureDoesNotMatch'), 'denied', /secret key/], [problem(403, 'AccessDenied'), 'denied', /may not do that/], [problem(404, 'NoSuchBucket'), 'denied', /no such bucket/],
    [problem(400, 'AuthorizationHeaderMalformed'), 'denied', /region/], [status(301), 'denied', /elsewhere/], [problem(403, 'QuotaExceeded'), 'no-space', /quota/], [status(507), 'no-space', /full/],
    [status(200, 'x'.repeat(2_000_000)), 'io', /more than/], [problem(418, 'Teapot'), 'io', /do not understand/],
  ] as const) {
    const { engine, requests } = await engineOver(t, [answer])
    await t.rejects(engine.get('a', 1_000_000), { code, message })
    t.equal(requests.length, 1, `${code} is told at once`)
  }
})

t.test('late and half answers', async (t) => {
  const silent = await engineOver(t, [() => undefined], { attemptMs: 100, attempts: 2 })
  await t.rejects(silent.engine.size('a'), { code: 'deadline', message: /no answer in time/ })
  t.equal(silent.requests.length, 2)
  const hasty = await engineOver(t, [() => undefined], { attemptMs: 100, attempts: 10, givenUpMs: 150 })
  await t.rejects(hasty.engine.size('a'), { code: 'deadline' })
  t.ok(hasty.requests.length <= 2, 'no attempt is begun after so long')
  const trickle: Answer = async (response) => {
    response.writeHead(200, { 'content-length': '1000' })
    for (let sent = 0; sent < 1000 && !response.destroyed; sent++) {
      response.write('x')
      await sleep(50)
    }
  }
  const slow = await engineOver(t, [trickle], { attemptMs: 100, attempts: 1 })
  await t.rejects(slow.engine.get('a', 1000), { code: 'deadline' }, 'a deadline of the whole, not of each byte')
  const half: Answer = (response) => {
    response.writeHead(200, { 'content-length': '10' })
    response.write('hello', () => { response.socket?.destroy() })
  }
  const { engine, requests } = await engineOver(t, [half, half, status(200, 'helloworld')])
  t.equal(Buffer.from((await engine.get('a', 10))?.bytes ?? []).toString(), 'helloworld')
  t.equal(requests.length, 3)
  const never = await engineOver(t, [half])
  await t.rejects(never.engine.get('a', 10), { code: 'offline' }, 'half a blob is never given out')
})

t.test('an answer that is lost: who wrote?', async (t) => {
  const [ours, others] = [Buffer.from('VFC1' + 'a'.repeat(16) + 'same'), Buffer.from('VFC1' + 'b'.repeat(16) + 'same')]
  const lost = await engineOver(t, [hangUp, status(412), status(206, ours.toString().slice(0, 20))])
  t.equal(await putOnce(lost.engine, 'a', ours), true, 'it was ours that came first')
  const beaten = await engineOver(t, [hangUp, status(412), status(206, others.toString().slice(0, 20))])
  t.equal(await putOnce(beaten.engine, 'a', ours), false, "another writer's, though it says the same")
  const plain = await engineOver(t, [status(412)])
  t.equal(await putOnce(plain.engine, 'a', ours), false)
  t.equal(plain.requests.length, 1, 'without a doubt nothing is asked')
  const conflict = await engineOver(t, [problem(409, 'ConditionalRequestConflict'), status(412), status(206, others.toString().slice(0, 20))])
  t.equal(await putOnce(conflict.engine, 'a', ours), false, 'a conflict is tried again')
})

t.test('engines that a node refuses', async (t) => {
  const keyOf = (request: string): string => request.split('/vaults/')[1] ?? ''
  const careless = await engineOver(t, [status(200)])
  await t.rejects(testEngine(careless.engine, '', entropy), { code: 'unsupported', message: /127\.0\.0\.1.*If-None-Match/, next: /update the engine/ })
  t.match(careless.requests.at(-1), /^DELETE/, 'nothing is left behind')
  const forgetful = await engineOver(t, [status(200), status(412), status(200, listingOf('other')), status(204)])
  await t.rejects(testEngine(forgetful.engine, '', entropy), { code: 'unsupported', message: /does not list at once/ })
  const page = await engineOver(t, [status(200), status(412), status(200, '<html>Welcome</html>'), status(204)])
  await t.rejects(testEngine(page.engine, '', entropy), { code: 'io', next: /S3/ }, 'no S3 service at all')
  let [stored, key]: [Buffer, string] = [Buffer.alloc(0), '']
  const good = await engineOver(t, [
    (response, request, body) => { [stored, key] = [body, keyOf(request.url ?? '')]; response.end() }, status(412),
    (response) => { response.end(listingOf(key)) }, (response) => { response.end(stored) }, status(204),
  ])
  await testEngine(good.engine, '', entropy)
  const swapped = await engineOver(t, [(response, request) => { key = keyOf(request.url ?? ''); response.end() }, status(412), (response) => { response.end(listingOf(key)) }, status(200, 'x'.repeat(32)), status(204)])
  await t.rejects(testEngine(swapped.engine, '', entropy), { code: 'unsupported', message: /does not give back/ })
})

t.test('whom it serves learns nothing about the store, who runs it does', async (t) => {
  const { engine } = await engineOver(t, [problem(403, 'InvalidAccessKeyId')])
  engine.serve()
  lines.length = 0
  const told: unknown = await engine.size('a').catch((error: unknown) => error)
  t.match(told, { code: 'busy' })
  t.notMatch(String(told), /127\.0\.0\.1|access key/)
  await t.rejects(engine.size('a'), { code: 'busy' })
  t.equal(lines.length, 1, 'the log is not flooded')
  t.match(lines[0], /127\.0\.0\.1.*refuses us/)
})

t.test('old changes of documents are swept away, the newest of a name never', async (t) => {
  const now = new Date()
  const key = (name: string, number: number): string => `records/${name}/${descendingName(number)}`
  const object = (name: string, number: number, hoursAgo: number): string =>
    `<Contents><Key>${key(name, number)}</Key><LastModified>${new Date(now.getTime() - hoursAgo * 3_600_000).toISOString()}</LastModified><Size>20</Size></Contents>`
  const page = (isTruncated: boolean, ...objects: readonly string[]): Answer => status(200, `<ListBucketResult><IsTruncated>${isTruncated}</IsTruncated>${objects.join('')}</ListBucketResult>`, { date: now.toUTCString() })
  const { engine, requests } = await engineOver(t, [
    page(true, object('a', 9, 30), object('a', 8, 31), object('b', 5, 0.1), object('b', 4, 0.5)), status(204),
    page(false, object('b', 3, 2), object('c', 1, 90), '<Contents><Key>records/c/strange</Key><LastModified>2020-01-01T00:00:00.000Z</LastModified><Size>1</Size></Contents>'), status(204),
  ])
  await new S3Records(engine, 'records/', { entropy, clock: systemClock }).sweep()
  t.same(requests.filter((request) => request.startsWith('DELETE')), [`DELETE /vaults/${key('a', 8)}`, `DELETE /vaults/${key('b', 3)}`])
})

t.test('so many at a time', async (t) => {
  let [now, most] = [0, 0]
  const { engine } = await engineOver(t, [async (response) => {
    most = Math.max(most, ++now)
    await sleep(5)
    now--
    response.writeHead(200, { 'content-length': '1' }).end()
  }])
  await Promise.all(Array.from({ length: 100 }, (_, index) => engine.size(`k${index}`)))
  t.ok(most > 1 && most <= 32, `${most} at a time`)
  const gate = new Gate({ requestsMax: 10, bytesMax: 100, waitingMax: 2 })
  const order: number[] = []
  const work = (bytes: number, name: number): Promise<void> => gate.run(bytes, async () => { order.push(name); await sleep(10) })
  const all = [work(60, 1), work(60, 2), work(1, 3)]
  await t.rejects(work(1, 4), { code: 'busy' }, 'a queue has an end')
  await Promise.all(all)
  t.same(order, [1, 2, 3], 'who waits is not overtaken')
  await work(1000, 5)
  t.same(order.at(-1), 5, 'more than there is goes alone')
})
