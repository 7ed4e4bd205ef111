// What a machine must have for a vault, each with what to install or change. Loads every native part, so that a missing
// prebuild is named and not met in the middle of a mount.

import { execFileSync } from 'node:child_process'
import { accessSync, constants, existsSync, readFileSync, statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import { unencryptedSwap } from '../native-deps/secure.js'

export interface Check {
  readonly name: string
  /** 'warning': a vault works, with less. */
  readonly state: 'good' | 'warning' | 'bad'
  readonly detail: string
}

const nodeMin = [22, 15] as const
const lockBytesMin = 64 * 1024
/** Numbers of statfs(2) for file systems on which a lock or an fsync may not mean what it says. */
const doubtfulFileSystems: Readonly<Record<number, string>> = { 0x6969: 'NFS', 0xff534d42: 'CIFS', 0x517b: 'SMB', 0x01021994: 'tmpfs', 0x65735546: 'FUSE' }

export async function checkMachine(store: string): Promise<readonly Check[]> {
  return [node(), ...(await nativeParts()), fuseDevice(), fusermount(), lockedMemory(), swap(), fileSystem(store)]
}

const good = (name: string, detail: string): Check => ({ name, state: 'good', detail })
const warning = (name: string, detail: string): Check => ({ name, state: 'warning', detail })
const bad = (name: string, detail: string): Check => ({ name, state: 'bad', detail })

function node(): Check {
  const { node: version } = process.versions
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const isNew = major > nodeMin[0] || (major === nodeMin[0] && minor >= nodeMin[1])
  return isNew ? good('Node', version) : bad('Node', `${version}; ${nodeMin.join('.')} or newer is needed: run npm ci, it brings one along`)
}

const parts: Readonly<Record<string, () => Promise<unknown>>> = {
  'sodium-native': () => import('../native-deps/sodium.js'),
  'BLAKE3': () => import('../native-deps/blake3.js'),
  'SQLite': async () => {
    // Its sealed sibling is loaded by the same import.
    const { openPlain } = await import('../native-deps/sqlite.js')
    openPlain(':memory:').close()
  },
  'rabin-native': () => import('../native-deps/rabin.js'),
  'system calls': async () => {
    const { loadAddon } = await import('../native-deps/addon.js')
    for (const addon of ['system', 'secure', 'fuse']) loadAddon(addon)
  },
  'supervisor': async () => {
    const { builtPath } = await import('../native-deps/addon.js')
    accessSync(builtPath('supervisor', 'vaultfs-supervisor'), constants.X_OK)
  },
}

async function nativeParts(): Promise<readonly Check[]> {
  const checks: Check[] = []
  for (const [name, load] of Object.entries(parts)) {
    try {
      await load()
      checks.push(good(name, 'loads'))
    } catch (error) {
      const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
      checks.push(bad(name, `${reason}: run npm ci (it needs g++, make and python3)`))
    }
  }
  return checks
}

function fuseDevice(): Check {
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK)
    return good('/dev/fuse', 'open to you')
  } catch {
    return bad('/dev/fuse', existsSync('/dev/fuse') ? 'closed to you: install fuse3, which opens it to all users' : "missing: run 'modprobe fuse' as root; in a container add --device /dev/fuse --cap-add SYS_ADMIN")
  }
}

function fusermount(): Check {
  for (const program of ['fusermount3', 'fusermount'])
    try {
      return good('fusermount', execFileSync(program, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim())
    } catch {
      // Try the other one.
    }
  const detail = "missing: run 'apt-get install -y fuse3'"
  return process.getuid?.() === 0 ? warning('fusermount', `${detail} (root mounts without it)`) : bad('fusermount', detail)
}

function lockedMemory(): Check {
  const line = readFileSync('/proc/self/limits', 'utf8').split('\n').find((one) => one.startsWith('Max locked memory')) ?? ''
  const soft = line.split(/\s{2,}/)[1] ?? ''
  const enough = soft === 'unlimited' || Number(soft) >= lockBytesMin || process.getuid?.() === 0
  return enough ? good('locked memory', soft) : warning('locked memory', `${soft} bytes are too few to keep keys out of swap: raise 'memlock' in /etc/security/limits.conf`)
}

function swap(): Check {
  const areas = unencryptedSwap()
  return areas.length === 0 ? good('swap', 'none, or encrypted') : warning('swap', `${areas.join(', ')} is not encrypted: what you work on may be written there in the clear`)
}

function fileSystem(store: string): Check {
  let folder = store
  while (!existsSync(folder)) folder = dirname(folder)
  const { type, bavail, bsize } = statfsSync(folder)
  const doubtful = doubtfulFileSystems[type]
  const free = `${(bavail * bsize / 2 ** 30).toFixed(1)} GiB free`
  return doubtful === undefined ? good('store', `${folder}, ${free}`) : warning('store', `${folder} is on ${doubtful} (${free}): a local disk keeps what fsync promises`)
}
