// The doors to libsodium, BLAKE3 and locked memory: known answers, both engines against each other, and the traps.

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { KeyedHasher } from '../../native-deps/blake3.js'
import { lockPages, unlockPages } from '../../native-deps/secure.js'
import {
  aeadOpen, aeadSeal, blake2b, boxKeyPair, boxOpen, boxSeal, deriveKey, passwordHash, randomBytes as random, sha256, sign, signKeyPair,
  systemEntropy, verifySignature, wipe,
} from '../../native-deps/sodium.js'
import { hex } from '../../lib/terms/bytes.js'
import { randomBytes } from '../support/random-bytes.js'

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'))

t.test('BLAKE3: published vectors, and native against WASM at awkward lengths', async (t) => {
  const key = Buffer.from('whats the Elvish word for friend', 'latin1')
  // https://github.com/BLAKE3-team/BLAKE3, test_vectors.json: input is 0, 1, … 250, 0, …
  const known: readonly [number, string][] = [
    [0, '92b2b75604ed3c761f9d6f62392c8a9227ad0ea3f09573e783f1498a4ed60d26'],
    [1, '6d7878dfff2f485635d39013278ae14f1454b8c0a3a2d34bc1ab38228a80c95b'],
    [1024, '75c46f6f3d9eb4f55ecaaee480db732e6c2105546f1e675003687c31719c7ba4'],
  ]
  for (const engine of ['native', 'wasm'] as const) {
    const hasher = new KeyedHasher(key, engine)
    for (const [length, digest] of known) {
      t.equal(hex(hasher.digest(Uint8Array.from({ length }, (_, index) => index % 251))), digest, `${hasher.engine} ${length}`)
    }
  }
  const [fast, slow] = [new KeyedHasher(key), new KeyedHasher(key, 'wasm')]
  for (const length of [0, 1, 63, 64, 65, 1023, 1025, 4096, 65_537, 300_001]) {
    const input = randomBytes(length, length)
    t.equal(hex(fast.digest(input)), hex(slow.digest(input)), `${length} bytes`)
    t.equal(hex(fast.digest(input.subarray(0, length >> 1), input.subarray(length >> 1))), hex(slow.digest(input)), 'in two parts')
  }
})

t.test('XChaCha20-Poly1305: the draft\'s vector, refusals, shared memory', async (t) => {
  // draft-irtf-cfrg-xchacha-03, A.3.1.
  const message = Buffer.from("Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.", 'latin1')
  const key = bytes('808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f')
  const nonce = bytes('404142434445464748494a4b4c4d4e4f5051525354555657')
  const ad = bytes('50515253c0c1c2c3c4c5c6c7')
  const out = new Uint8Array(message.byteLength + 16)
  aeadSeal(out, message, ad, nonce, key)
  t.equal(hex(out.subarray(0, 16)), 'bd6d179d3e83d43b9576579493c0e939')
  t.equal(hex(out.subarray(-16)), 'c0875924c1c7987947deafd8780acf49')
  const shared = new Uint8Array(new SharedArrayBuffer(32))
  shared.set(key)
  const opened = new Uint8Array(message.byteLength)
  t.ok(aeadOpen(opened, out, ad, nonce, shared), 'opens with a key in shared memory')
  t.equal(hex(opened), hex(message))
  t.notOk(aeadOpen(opened, out, ad.subarray(1), nonce, key), 'other associated data')
  out[3] = (out[3] ?? 0) ^ 1
  t.notOk(aeadOpen(opened, out, ad, nonce, key), 'a flipped bit')
  t.ok(opened.every((byte) => byte === 0), 'and no plaintext is left behind')
  t.notOk(aeadOpen(new Uint8Array(0), new Uint8Array(15), ad, nonce, key), 'too short for a tag')
})

t.test('hashes, sub-keys, signatures, boxes, random bytes', async (t) => {
  t.equal(hex(sha256(Buffer.from('abc'))), createHash('sha256').update('abc').digest('hex'))
  const out = new Uint8Array(64)
  blake2b(out, Buffer.from('abc'))
  t.equal(hex(out), createHash('blake2b512').update('abc').digest('hex'))
  const [a, b] = [new Uint8Array(32), new Uint8Array(32)]
  deriveKey(a, 1, 'vfs-test', out.subarray(0, 32))
  deriveKey(b, 2, 'vfs-test', out.subarray(0, 32))
  t.not(hex(a), hex(b))
  // RFC 8032, 7.1, test 2.
  const pair = signKeyPair(bytes('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb'))
  const signature = sign(bytes('72'), pair.secretKey)
  t.equal(hex(signature).slice(0, 32), '92a009a9f0d4cab8720e820b5f642540')
  t.ok(verifySignature(signature, bytes('72'), pair.publicKey))
  t.notOk(verifySignature(signature, bytes('73'), pair.publicKey))
  t.notOk(verifySignature(signature.subarray(1), bytes('72'), pair.publicKey))
  const box = boxKeyPair(a)
  const shared = new Uint8Array(new SharedArrayBuffer(5))
  shared.fill(9)
  const sealed = boxSeal(shared, box.publicKey, systemEntropy)
  t.equal(hex(boxOpen(sealed, box) ?? new Uint8Array(0)), '0909090909')
  t.not(hex(boxSeal(shared, box.publicKey, systemEntropy)), hex(sealed))
  sealed[40] = (sealed[40] ?? 0) ^ 1
  t.equal(boxOpen(sealed, box), undefined)
  t.not(hex(random(32)), hex(random(32)))
  wipe(shared)
  t.ok(shared.every((byte) => byte === 0))
})

t.test('Argon2id works from shared memory and leaves the loop free', async (t) => {
  const shared = new Uint8Array(new SharedArrayBuffer(8)).fill(65)
  let turns = 0
  const timer = setInterval(() => { turns += 1 }, 1)
  const cost = { passes: 1, memoryBytes: 64 * 1024 * 1024, outBytes: 32 }
  const one = await passwordHash(shared, new Uint8Array(16), cost)
  clearInterval(timer)
  t.equal(hex(one), hex(await passwordHash(Buffer.from('AAAAAAAA'), new Uint8Array(16), cost)))
  t.ok(turns > 0, 'timers ran meanwhile')
})

t.test('locked pages: aligned, in every thread the same, not dumped', async (t) => {
  const shared = new SharedArrayBuffer(16_384)
  const { offset, locked } = lockPages(shared, 8192)
  if (!locked) t.comment('not tested here: the kernel grants no locked memory (ulimit -l), so pages are only left out of dumps')
  t.throws(() => lockPages(new SharedArrayBuffer(8192), 8192 * 2), 'more than there is')
  const flags = memoryFlags()
  t.ok(flags.some((line) => (line.includes(' lo') || !locked) && line.includes(' dd')), 'a mapping is locked and left out of dumps')
  const module = JSON.stringify(new URL('../../native-deps/secure.js', import.meta.url).href)
  const worker = new Worker(
    `const { workerData, parentPort } = require('node:worker_threads')
     import(${module}).then(({ lockPages }) => { parentPort.postMessage(lockPages(workerData, 8192).offset) })`,
    { eval: true, workerData: shared },
  )
  const seen = await new Promise((resolve, reject) => { worker.once('message', resolve).once('error', reject) })
  t.equal(seen, offset)
  await worker.terminate()
})

t.test('a hardened process leaves no core and can not be read by its fellows', async (t) => {
  const module = JSON.stringify(fileURLToPath(new URL('../../native-deps/secure.js', import.meta.url)))
  const script = `import(${module}).then(({ hardenProcess }) => {
    process.stdout.write(String(hardenProcess()) + require('node:fs').readFileSync('/proc/self/limits', 'latin1'))
    process.kill(process.pid, 'SIGSEGV')
  })`
  const child = spawnSync(process.execPath, ['-e', script], { encoding: 'latin1' })
  t.equal(child.signal, 'SIGSEGV')
  t.match(child.stdout, /^true/)
  t.match(child.stdout, /Max core file size\s+0\s+0/)
})

function memoryFlags(): readonly string[] {
  return readFileSync('/proc/self/smaps', 'latin1').split('\n').filter((line) => line.startsWith('VmFlags:'))
}

t.test('pages that are given up are ordinary memory again', (t) => {
  /** As the kernel has them: wipe on fork, do not dump, locked. */
  const marked = (): number => (readFileSync('/proc/self/smaps', 'latin1').match(/^VmFlags:.* wf\b.*$/gm) ?? []).length
  const before = marked()
  const shared = new SharedArrayBuffer(8192 + 4096)
  const { offset, locked } = lockPages(shared, 8192)
  if (!locked) t.comment('skipped: the kernel locks no pages here')
  else {
    t.equal(marked(), before + 1)
    unlockPages(new Uint8Array(shared, offset, 8192))
    t.equal(marked(), before, 'a forked child sees what is written there next')
  }
  t.end()
})
