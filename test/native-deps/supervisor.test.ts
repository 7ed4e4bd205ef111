// What the supervisor takes for hanging, and what not.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import tap from 'tap'

interface Outcome {
  readonly killed: boolean
  readonly afterMs: number
  readonly said: string
}

/** Runs one; a process that was neither killed nor came back is ended. */
async function run(behaviour: string, withinMs: number): Promise<Outcome> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'supervised-process.js'), behaviour], { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  let began = 0
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
    if (text.includes('begin')) began = performance.now()
  })
  let ours = false
  const timer = setTimeout(() => {
    ours = true
    child.kill('SIGKILL')
  }, withinMs)
  const signal = await new Promise((resolve) => { child.once('close', (_, by: unknown) => { resolve(by) }) })
  clearTimeout(timer)
  return { killed: signal === 'SIGKILL' && !ours, afterMs: performance.now() - began, said }
}

void tap.test('who could turn and does not is killed', async (t) => {
  for (const [behaviour, outcome] of await Promise.all(['spins', 'sleeps'].map(async (each) => [each, await run(each, 30_000)] as const))) {
    t.ok(outcome.killed, `one that ${behaviour}, after ${(outcome.afterMs / 1000).toFixed(1)} s`)
    t.ok(outcome.afterMs > 500, 'not before it had time')
  }
})

void tap.test('who turns, waits for its own threads, or was stopped by somebody who knows of no heir, is not', async (t) => {
  const behaviours = ['turns', 'waits for a thread that works', 'is stopped']
  for (const [behaviour, { killed, said }] of await Promise.all(behaviours.map(async (each) => [each, await run(each, each === 'is stopped' ? 4000 : 20_000)] as const))) {
    t.notOk(killed, behaviour)
    t.match(said, behaviour === 'is stopped' ? /begin/ : /end/)
  }
})
