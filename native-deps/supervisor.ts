// Starts the small process that looks after the mount when this one dies without an unmount, or hangs
// (supervisor/supervisor.c): it has another daemon go on with it or mount anew, or takes it away.
import { spawn } from 'node:child_process'
import { existsSync, realpathSync, writeSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { VaultError } from '../lib/terms/errors.js'
import { builtPath } from './addon.js'
import { findMount } from './fuse/mount-table.js'
import { closeOnExec } from './system.js'

/** The supervisor looks closer when it has heard nothing for 400 ms (supervisor/watch.c). */
const beatMs = 250
/**
 * For so long, in which it could have, a main thread may not turn before it is killed. Where nothing tells hanging from
 * waiting for somebody else's server, longer.
 */
const patienceMs = { usual: 700, remote: 10_000 }

export interface Supervision {
  readonly pid: number
  /** The mount is gone in good order: the supervisor ends. May be called twice. */
  release(): void
}

/** Who goes on when this process dies, and with what. */
export interface Heir {
  readonly program: string
  readonly args: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  /** Where what it says is appended. */
  readonly output: string
  /** What it reads first, keys and all; wiped here once it is handed over. At most 64 KiB. */
  readonly request: Uint8Array
  /** It goes on with that; absent: it mounts anew. */
  readonly connectionFd?: number
  readonly memoryFd: number
}

export interface Supervised {
  /** As Mount has it: absolute, without symbolic links. */
  readonly mountPoint: string
  /** Reading from the store may wait for a server. */
  readonly isRemote: boolean
}

/** Keeps no event loop alive. Without an heir the mount of a daemon that dies is taken away. */
export function superviseMount({ mountPoint, isRemote }: Supervised, heir?: Heir): Supervision {
  const program = builtPath('supervisor', 'vaultfs-supervisor')
  if (!existsSync(program)) {
    throw new VaultError('missing-dependency', 'the supervisor of mounts was not built', {
      subject: program, next: 'Build it with: npm rebuild --foreground-scripts',
    })
  }
  // Only the folders above: the mount point itself would have to be answered by this very thread.
  const path = join(realpathSync(dirname(mountPoint)), basename(mountPoint))
  const mount = findMount(path)
  if (mount === undefined) throw new VaultError('not-mounted', `nothing is mounted on ${mountPoint}`, { subject: mountPoint })
  const how = heir === undefined ? 'detach' : heir.connectionFd === undefined ? 'remount' : 'resume'
  const patience = String(heir === undefined || isRemote ? patienceMs.remote : patienceMs.usual)
  const child = spawn(program, [path, mount.device, how, patience, ...(heir === undefined ? [] : [heir.output, heir.program, ...heir.args])], {
    stdio: ['pipe', 'ignore', 'ignore', ...(heir === undefined ? [] : [heir.connectionFd ?? 'ignore' as const, heir.memoryFd])], detached: true, cwd: '/',
    env: { ...heir?.environment },
  })
  // Without a supervisor the mount works all the same; a broken pipe only means that it ended first.
  child.on('error', () => undefined)
  const { stdin } = child
  if (stdin === null) throw new VaultError('io', 'the supervisor of mounts has no pipe')
  stdin.on('error', () => undefined)
  child.unref()
  if ('unref' in stdin && typeof stdin.unref === 'function') stdin.unref()
  if (heir !== undefined) {
    const length = new Uint8Array(4)
    new DataView(length.buffer).setUint32(0, heir.request.byteLength, true)
    stdin.write(length)
    stdin.write(heir.request, () => { heir.request.fill(0) })
  }
  return supervision(child.pid ?? 0, () => { stdin.end('.') }, () => { stdin.write('h') })
}

/** By an heir: its supervisor is the one that started it, at the other end of this pipe. */
export function joinSupervisor(fd: number): Supervision {
  closeOnExec(fd)
  const say = (word: string): void => {
    try {
      writeSync(fd, word)
    } catch {
      // It ended, or has not read for hours: the mount works all the same.
    }
  }
  return supervision(process.ppid, () => { say('.') }, () => { say('h') })
}

function supervision(pid: number, done: () => void, beat: () => void): Supervision {
  const timer = setInterval(beat, beatMs).unref()
  let released = false
  return {
    pid,
    release: () => {
      if (released) return
      released = true
      clearInterval(timer)
      done()
    },
  }
}
