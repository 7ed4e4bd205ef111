// Nobody stays stuck in the kernel because the daemon waits: who is killed, or told to end, gets EINTR at once from what
// changes nothing, and cancels what has not begun. A timer's signal makes nothing fail.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs/promises'
import t, { type Test } from 'tap'
import type { Handler, Request } from '../../native-deps/fuse/handler.js'
import { hasEndingSignal } from '../../native-deps/fuse/interruptions.js'
import { mountTree, until, whyNoMounts, type Fixture } from '../native-deps/fuse-fixture.js'

const skip = whyNoMounts

t.test('which signals end a wait', (t) => {
  const status = (pending: string, shared: string, blocked: string): string => `Name:\tx\nSigPnd:\t${pending}\nShdPnd:\t${shared}\nSigBlk:\t${blocked}\n`
  const none = '0'.repeat(16)
  const one = (signal: number): string => (1n << BigInt(signal - 1)).toString(16).padStart(16, '0')
  for (const signal of [1, 2, 3, 9, 15]) t.ok(hasEndingSignal(status(none, one(signal), none)), `signal ${String(signal)}`)
  t.ok(hasEndingSignal(status(one(9), none, none)), 'of the thread itself')
  for (const signal of [10, 14, 17, 34]) t.notOk(hasEndingSignal(status(one(signal), one(signal), none)), `signal ${String(signal)}`)
  t.notOk(hasEndingSignal(status(none, one(2), one(2))), 'one that is blocked comes to nobody')
  t.notOk(hasEndingSignal(''), 'nothing is known')
  t.end()
})

interface Stuck extends Fixture {
  /** Resolves when a request of that process came to the operation, and hangs. */
  readonly came: (child: ChildProcess) => Promise<void>
  /** Lets them all go. */
  readonly letGo: () => void
}

/** A tree on which one operation hangs until it is let go of; the handler knows nothing of interruptions. */
async function mountStuck(t: Test, operation: keyof Handler): Promise<Stuck> {
  const gate = Promise.withResolvers<undefined>()
  const came = new Set<number>()
  const fixture = await mountTree(t, {
    entrySeconds: 0, attributeSeconds: 0,
    wrap: (tree) => new Proxy<Handler>(tree, {
      get: (target, property) => {
        const member: unknown = Reflect.get(target, property)
        if (typeof member !== 'function') return member
        // Without FOPEN_NOFLUSH.
        if (property === 'open' && operation === 'flush') return () => ({ handle: 0, flags: 0 })
        if (property !== operation) return member.bind(target)
        return async (...args: readonly unknown[]): Promise<unknown> => {
          came.add((args.at(-1) as Request).pid)
          await gate.promise
          return Reflect.apply(member, target, args)
        }
      },
    }),
  })
  const caller = { uid: 0, gid: 0, pid: 0 }
  const made = fixture.tree.create(1, 'f', 0o100666, 0, 0, caller)
  if (typeof made === 'number' || made instanceof Promise) throw new Error('the tree makes files at once')
  const { ino } = made.attributes
  await fixture.tree.write(ino, 0, 0, Buffer.from('x'), { fromCache: false, killSuidGid: false, append: false })
  await fixture.tree.setxattr(ino, 'user.a', Buffer.from('b'), 0, false)
  await fixture.tree.create(1, 'g', 0o100666, 0, 0, caller)
  t.teardown(() => { gate.resolve(undefined) })
  return { ...fixture, came: ({ pid = 0 }) => until(() => came.has(pid)), letGo: () => { gate.resolve(undefined) } }
}

/** A program that does not end by itself at SIGINT, SIGALRM or SIGCHLD, and says what the call answered. */
const program = (call: string): string => `import os, sys, signal, mmap, ctypes, errno
path = sys.argv[1].encode()
for each in (signal.SIGINT, signal.SIGALRM):
    signal.signal(each, lambda *_: None)
    signal.siginterrupt(each, True)
c = ctypes.CDLL(None, use_errno=True)
c.lseek.restype = ctypes.c_long
memory = (ctypes.c_char * 4096).from_buffer(mmap.mmap(-1, 4096))
ctypes.set_errno(0)
result = ${call}
print('answered', errno.errorcode[ctypes.get_errno()] if result < 0 else 'well', flush=True)
`

/** libc's own calls, because Python tries again after EINTR; each hangs in the operation it is named by. */
const calls: Readonly<Partial<Record<keyof Handler, string>>> = {
  lookup: "c.access(path + b'/g', 0)",
  getattr: "c.statx(-100, path + b'/f', 0x2000, 0xfff, memory)",
  fsync: "c.fsync(os.open(path + b'/f', os.O_RDWR))",
  flush: "c.close(os.open(path + b'/f', os.O_RDWR))",
  statfs: 'c.statvfs(path, memory)',
  getxattr: "c.getxattr(path + b'/f', b'user.a', memory, 4096)",
  listxattr: "c.listxattr(path + b'/f', memory, 4096)",
  readdir: 'c.getdents64(os.open(path, os.O_RDONLY | os.O_DIRECTORY), memory, 4096)',
  lseek: "c.lseek(os.open(path + b'/f', os.O_RDONLY), ctypes.c_long(0), 4)",
  fsyncdir: 'c.fsync(os.open(path, os.O_RDONLY | os.O_DIRECTORY))',
}

interface Client {
  readonly child: ChildProcess
  /** What it said when it has ended; null for a signal that ended it. */
  readonly ended: Promise<string | NodeJS.Signals | null>
}

function client(folder: string, call: string): Client {
  const child = spawn('python3', ['-c', program(call), folder], { cwd: '/', stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => { said += text })
  return { child, ended: once(child, 'close').then(([, signal]: unknown[]) => (signal as NodeJS.Signals | null) ?? said.trim()) }
}

for (const [operation, call] of Object.entries(calls)) {
  t.test(`a program that handles SIGINT gets EINTR from ${operation}`, { skip }, async (t) => {
    const { folder, came, logged } = await mountStuck(t, operation as keyof Handler)
    const told = client(folder, call)
    await came(told.child)
    told.child.kill('SIGINT')
    t.equal(await told.ended, 'answered EINTR')
    t.strictSame(logged, [])
  })
}

/** Not with O_DIRECT: the kernel (fuse_direct_IO) then waits for all parts of a read without looking at signals. */
const readBuffered = "c.read(os.open(path + b'/f', os.O_RDONLY), memory, 4096)"

for (const [operation, call] of [['read', readBuffered], ['fsync', calls.fsync], ['lookup', calls.lookup]] as const) {
  t.test(`killed while it waits for ${operation}`, { skip }, async (t) => {
    const { folder, came, logged } = await mountStuck(t, operation)
    const { child, ended } = client(folder, call ?? '')
    await came(child)
    // The kernel tells of the first signal only.
    child.kill('SIGALRM')
    await fs.statfs(folder)
    child.kill('SIGKILL')
    t.equal(await ended, 'SIGKILL', 'it is gone, though nothing was answered')
    t.strictSame(logged, [])
  })
}

t.test('an alarm makes nothing fail', { skip }, async (t) => {
  const { folder, came, letGo } = await mountStuck(t, 'fsync')
  const { child, ended } = client(folder, calls.fsync ?? '')
  await came(child)
  child.kill('SIGALRM')
  // Time for the INTERRUPT to be read; should it come later, there is only less to see.
  for (let turn = 0; turn < 5; turn++) await fs.statfs(folder)
  letGo()
  t.equal(await ended, 'answered well')
})
