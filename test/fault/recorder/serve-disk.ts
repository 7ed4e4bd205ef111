// A process of its own, since whoever uses the disk must not be the one that answers: `serve-disk MOUNTPOINT IMAGE
// JOURNAL`. Says "mounted" when it answers, and ends when it is unmounted.
import { mountKernel } from '../../../native-deps/fuse/driver.js'
import { RecordedDisk } from './recorded-disk.js'

const [, , mountPoint = '', image = '', journal = ''] = process.argv
process.chdir('/')
const disk = new RecordedDisk(image, journal)
const mount = await mountKernel(
  { mountPoint, source: 'recorded-disk', allowOther: false, readOnly: false, spinMicroseconds: 0, entrySeconds: 3600, attributeSeconds: 3600, writeback: false },
  disk,
  { log: (level, message) => process.stderr.write(`${level}: ${message}\n`) },
)
process.stdout.write('mounted\n')
await mount.closed
disk.close()
