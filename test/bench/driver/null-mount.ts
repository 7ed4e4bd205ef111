// Serves a NullTree until it is unmounted: a process of its own, as null-fs is. null-mount.js MOUNTPOINT [SPIN_MICROSECONDS]
import { mountKernel } from '../../../native-deps/fuse/driver.js'
import { NullTree } from './null-tree.js'

const mount = await mountKernel({
  mountPoint: process.argv[2] ?? '', source: 'vaultfs:null', allowOther: true, readOnly: false, spinMicroseconds: Number(process.argv[3] ?? 50),
  entrySeconds: 1, attributeSeconds: 1, writeback: false,
}, new NullTree(), { log: () => undefined })
console.log('ready')
await mount.closed
