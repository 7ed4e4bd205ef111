// A process with a supervisor, without a mount: `supervised-process BEHAVIOUR`. It says 'begin' when it has turned for a
// while and begins to behave, and 'end' if it comes back from that.
import { spawn } from 'node:child_process'
import { Worker } from 'node:worker_threads'
import { builtPath } from '../../native-deps/addon.js'

const worksMs = 2500
const memory = new Int32Array(new SharedArrayBuffer(4))
/** A thread that has a processor's work to do, and wakes who waits for it. */
const worker = `const { workerData } = require('node:worker_threads'); const until = performance.now() + ${String(worksMs)}
while (performance.now() < until); Atomics.store(workerData, 0, 1); Atomics.notify(workerData, 0)`

const behaviours: Readonly<Record<string, () => void>> = {
  turns: () => undefined,
  spins: () => { for (;;); },
  sleeps: () => { Atomics.wait(memory, 0, 0) },
  'is stopped': () => { process.kill(process.pid, 'SIGSTOP') },
  'waits for a thread that works': () => {
    new Worker(worker, { eval: true, workerData: memory }).unref()
    setTimeout(() => { Atomics.wait(memory, 0, 0) }, 100)
  },
}

const { stdin } = spawn(builtPath('supervisor', 'vaultfs-supervisor'), ['/nothing/is/mounted/here', '0:0', 'detach', '700'], { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
stdin.on('error', () => undefined)
const beat = setInterval(() => { stdin.write('h') }, 250)
setTimeout(() => {
  console.log('begin')
  behaviours[process.argv[2] ?? '']?.()
  setTimeout(() => {
    console.log('end')
    clearInterval(beat)
    stdin.end('.')
  }, worksMs + 1000)
}, 600)
