// Mounts the in-memory tree for the POSIX suites and for benchmarks of the driver alone:
//   node dist/test/posix/mount-memory.js MOUNTPOINT [--driver kernel|fuse-native] [--spin MICROSECONDS]
//        [--seconds CACHED] [--writeback] [--private] [--supervise]
// Prints "mounted" when the mount answers; ends when it is unmounted, or unmounts at SIGTERM and SIGINT.
import { parseArgs } from 'node:util'
import { mountFuseNative } from '../../native-deps/fuse-native.js'
import { mountKernel } from '../../native-deps/fuse/driver.js'
import { superviseMount } from '../../native-deps/supervisor.js'
import { MemoryTree } from '../model/memory-tree.js'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    driver: { type: 'string', default: 'kernel' }, spin: { type: 'string', default: '0' }, seconds: { type: 'string', default: '1' },
    writeback: { type: 'boolean', default: false }, private: { type: 'boolean', default: false },
    supervise: { type: 'boolean', default: false },
  },
})

function wallClock(): { sec: number; nsec: number } {
  const ms = performance.timeOrigin + performance.now()
  const sec = Math.floor(ms / 1000)
  return { sec, nsec: Math.floor((ms - sec * 1000) * 1e6) }
}

const [mountPoint = ''] = positionals
const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
const tree = new MemoryTree(wallClock, owner)
process.chdir('/')
const mount = await (values.driver === 'kernel' ? mountKernel : mountFuseNative)(
  {
    mountPoint, source: 'vaultfs:memory', allowOther: !values.private, readOnly: false, spinMicroseconds: Number(values.spin),
    entrySeconds: Number(values.seconds), attributeSeconds: Number(values.seconds), writeback: values.writeback,
  },
  tree,
  { log: (level, message, fields) => process.stderr.write(`${level}: ${message} ${JSON.stringify(fields ?? {})}\n`) },
)
tree.mounted(mount)
const supervision = values.supervise ? superviseMount({ mountPoint: mount.mountPoint, isRemote: false }) : undefined
process.stdout.write('mounted\n')
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void mount.unmount({ lazy: false }).catch(() => mount.unmount({ lazy: true })))
}
await mount.closed
supervision?.release()
