// Programs that the suites run: each in a process group of its own, so that a time limit, an interrupt or a stuck mount
// ends all of it; output goes to a file.
import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'

export interface Execution {
  readonly program: string
  readonly args?: readonly string[]
  /** Never on the mount unless the test is about it. */
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly timeoutMs?: number
  /** Told at once, to whoever has to end what the program starts. */
  readonly onStart?: (pid: number) => void
}

export interface Executed {
  readonly code: number | null
  /** Why it did not end with 0, in a few words; undefined when it did. */
  readonly why: string | undefined
  /** The file that holds what it said. */
  readonly log: string
  output(): string
}

const timeoutMsDefault = 900_000
/** After SIGKILL a process can only stay for a call that the mount does not answer. */
const goneWithinMs = 10_000
const running = new Set<number>()
let isOver = false

export async function execute(execution: Execution, log: string): Promise<Executed> {
  const { program, args = [], cwd = '/', env = process.env, timeoutMs = timeoutMsDefault } = execution
  // After an interrupt a suite goes on with its next program otherwise.
  if (isOver) return { code: null, why: 'the run was ended', log, output: () => '' }
  const fd = openSync(log, 'w')
  const child = spawn(program, args, { cwd, env, stdio: ['ignore', fd, fd], detached: true })
  closeSync(fd)
  const { pid } = child
  if (pid !== undefined) {
    running.add(pid)
    execution.onStart?.(pid)
  }
  let timedOut = false
  const ended = Promise.withResolvers<{ code: number | null; why: string | undefined }>()
  const timer = setTimeout(() => {
    timedOut = true
    if (pid !== undefined) killGroup(pid)
    setTimeout(() => { ended.resolve({ code: null, why: `not ended ${timeoutMs / 1000} s after its start, nor by SIGKILL` }) }, goneWithinMs).unref()
  }, timeoutMs)
  child.on('error', (error) => { ended.resolve({ code: null, why: error.message }) })
  child.on('exit', (code, signal) => {
    const why = timedOut ? `killed after ${timeoutMs / 1000} s` : signal !== null ? `ended by ${signal}` : code === 0 ? undefined : `exit code ${String(code)}`
    ended.resolve({ code, why })
  })
  const { code, why } = await ended.promise
  clearTimeout(timer)
  if (pid !== undefined) {
    // What it left behind would work on in the next test's folder.
    killGroup(pid)
    running.delete(pid)
  }
  return { code, why, log, output: () => readFileSync(log, 'latin1') }
}

/** For an interrupt, and when the mount is stuck: nothing is begun after it. */
export function killAll(): void {
  isOver = true
  for (const pid of running) killGroup(pid)
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It is gone.
  }
}
