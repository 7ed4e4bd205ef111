// How /dev/fuse becomes a mount: mount(2) for root, fusermount3 (or fusermount), which is setuid, for everybody else.
// It opens the device for us and passes the descriptor over a socket (_FUSE_COMMFD).
import { spawn } from 'node:child_process'
import { closeSync, existsSync, realpathSync, statSync } from 'node:fs'
import { getSystemErrorName } from 'node:util'
import { VaultError } from '../../lib/terms/errors.js'
import type { MountOptions } from './handler.js'
import { fuseAddon } from './native.js'
import { errno } from './protocol.js'
import { writeBytesMax } from './negotiation.js'

/** By full path: a setuid program is not looked up in the caller's PATH. */
const fusermounts = ['fusermount3', 'fusermount'].flatMap((name) =>
  ['/usr/bin', '/bin', '/usr/local/bin', '/run/wrappers/bin'].map((folder) => `${folder}/${name}`))

export interface OpenedMount {
  readonly fd: number
  readonly mountPoint: string
  /** By mount(2); otherwise by fusermount, which then has to unmount too. */
  readonly direct: boolean
}

export async function openMount(options: MountOptions): Promise<OpenedMount> {
  const mountPoint = checkMountPoint(options.mountPoint)
  if (!existsSync('/dev/fuse')) {
    throw new VaultError('no-fuse', 'this machine has no /dev/fuse', {
      subject: '/dev/fuse', next: 'Load it with: sudo modprobe fuse (in a container: --device /dev/fuse --cap-add SYS_ADMIN)',
    })
  }
  if (process.geteuid?.() === 0) {
    const shared = ['default_permissions', `max_read=${writeBytesMax}`, ...(options.allowOther ? ['allow_other'] : [])]
    const fd = fuseAddon().mountDirect(options.source, mountPoint, shared.join(','), options.readOnly)
    if (fd >= 0) return { fd, mountPoint, direct: true }
    if (fd !== -errno.EPERM || findFusermount() === undefined) throw mountRefused(fd, mountPoint)
  }
  return { fd: await mountByProgram(options, mountPoint), mountPoint, direct: false }
}

function checkMountPoint(path: string): string {
  try {
    const real = realpathSync(path)
    if (statSync(real).isDirectory()) return real
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const next = code === 'ENOTCONN' ? `A dead mount lies there. Take it away with: fusermount3 -uz ${path}` : 'Make the folder first.'
    throw new VaultError('mount-point', `nothing can be mounted on ${path}: ${code ?? 'unknown'}`, { subject: path, next, cause })
  }
  throw new VaultError('mount-point', `${path} is not a folder`, { subject: path, next: 'Name a folder.' })
}

function mountRefused(result: number, mountPoint: string): VaultError {
  return new VaultError('no-fuse', `mounting on ${mountPoint} was refused: ${getSystemErrorName(result)}`, {
    subject: mountPoint,
    next: result === -errno.EPERM ? 'In a container it needs --cap-add SYS_ADMIN.' : 'See dmesg for the kernel\'s reason.',
  })
}

function findFusermount(): string | undefined {
  return fusermounts.find((path) => existsSync(path))
}

function fusermount(): string {
  const program = findFusermount()
  if (program !== undefined) return program
  throw new VaultError('missing-dependency', 'an ordinary user mounts through fusermount3, and there is none', {
    subject: 'fusermount3', next: 'Run: sudo apt-get install -y fuse3',
  })
}

interface Outcome {
  readonly code: number | null
  readonly message: string
}

function run(program: string, args: readonly string[], socket?: number): Promise<Outcome> {
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', ...(socket === undefined ? {} : { _FUSE_COMMFD: '3' }) }
  return new Promise((resolve) => {
    const child = spawn(program, args, { env, cwd: '/', stdio: ['ignore', 'ignore', 'pipe', ...(socket === undefined ? [] : [socket])] })
    const message: Buffer[] = []
    child.stderr?.on('data', (bytes: Buffer) => message.push(bytes))
    child.on('error', (error) => resolve({ code: null, message: error.message }))
    child.on('close', (code) => resolve({ code, message: Buffer.concat(message).toString().trim() }))
  })
}

/** fusermount splits its options at commas; a backslash keeps one in a value. */
function escapeOption(text: string): string {
  return text.replace(/[\\,]/g, '\\$&')
}

async function mountByProgram(options: MountOptions, mountPoint: string): Promise<number> {
  const program = fusermount()
  const pair = fuseAddon().socketPair()
  if (typeof pair === 'number') throw new VaultError('io', `no socket for fusermount: ${getSystemErrorName(pair)}`)
  const [ours, theirs] = pair
  try {
    const wanted = [
      `fsname=${escapeOption(options.source)}`, 'subtype=vaultfs', 'default_permissions', `max_read=${writeBytesMax}`,
      ...(options.allowOther ? ['allow_other'] : []), ...(options.readOnly ? ['ro'] : []),
    ]
    const { code, message } = await run(program, ['-o', wanted.join(','), '--', mountPoint], theirs)
    const fd = code === 0 ? fuseAddon().receiveDescriptor(ours) : -1
    if (fd >= 0) return fd
    throw programRefused(message, mountPoint)
  } finally {
    closeSync(ours)
    closeSync(theirs)
  }
}

function programRefused(message: string, mountPoint: string): VaultError {
  const told = message === '' ? 'fusermount3 gave no reason' : message
  if (/user_allow_other/.test(message)) {
    return new VaultError('denied', told, { subject: '/etc/fuse.conf', next: 'Add the line user_allow_other to /etc/fuse.conf, or leave out --allow-other.' })
  }
  if (/\/dev\/fuse/.test(message)) {
    return new VaultError('no-fuse', told, { subject: '/dev/fuse', next: 'The device must be open to all: sudo chmod 0666 /dev/fuse' })
  }
  return new VaultError('mount-point', told, { subject: mountPoint, next: 'The folder must belong to you and be writable.' })
}

export interface UnmountHow {
  readonly direct: boolean
  readonly lazy: boolean
}

/** Rejects with 'busy' when files are open and it is not lazy. */
export async function closeMount(mountPoint: string, { direct, lazy }: UnmountHow): Promise<void> {
  if (direct) {
    const result = await fuseAddon().unmount(mountPoint, lazy)
    if (result === 0 || result === -errno.EINVAL) return
    if (result === -errno.EBUSY) throw busy(mountPoint)
    throw new VaultError('io', `${mountPoint} can't be unmounted: ${getSystemErrorName(result)}`, { subject: mountPoint })
  }
  const { code, message } = await run(fusermount(), ['-u', ...(lazy ? ['-z'] : []), '--', mountPoint])
  if (code === 0) return
  if (/busy/i.test(message)) throw busy(mountPoint)
  throw new VaultError('io', `${mountPoint} can't be unmounted: ${message}`, { subject: mountPoint })
}

function busy(mountPoint: string): VaultError {
  return new VaultError('busy', `${mountPoint} is in use`, {
    subject: mountPoint, next: `Close what is open there (fuser -vm ${mountPoint} names it), or unmount lazily.`,
  })
}
