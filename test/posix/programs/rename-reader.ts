// Reads a file that another process replaces by rename again and again, and ends with 1 when it ever was not there or not
// one whole version. A version is one byte, repeated; its length is told by the byte, so that a cut shows too.
//   node rename-reader.js FILE SECONDS how    how: read, stat, list
import { closeSync, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { versionBytes } from './rename-versions.js'

const [file = '', seconds = '', how = ''] = process.argv.slice(2)
const room = Buffer.alloc(4 * 1024 * 1024)

function readAll(fd: number): Buffer {
  let length = 0
  for (;;) {
    const count = readSync(fd, room, length, room.length - length, null)
    if (count === 0) return room.subarray(0, length)
    length += count
  }
}

const ways: Readonly<Record<string, () => void>> = {
  read: () => {
    const fd = openSync(file, 'r')
    try {
      const said = fstatSync(fd).size
      const bytes = readAll(fd)
      const version = bytes[0] ?? 0
      if (bytes.length !== versionBytes(version)) throw new Error(`version ${version} has ${bytes.length} bytes instead of ${versionBytes(version)}`)
      if (said !== bytes.length) throw new Error(`fstat said ${said} bytes, there are ${bytes.length}`)
      const other = bytes.findIndex((byte) => byte !== version)
      if (other >= 0) throw new Error(`a mixture: version ${version}, from byte ${other} on version ${String(bytes[other])}`)
      if (fstatSync(fd).size !== bytes.length) throw new Error('the open file changed its size')
    } finally {
      closeSync(fd)
    }
  },
  stat: () => {
    const { size, nlink } = statSync(file)
    if (size === 0 || nlink > 2) throw new Error(`stat shows ${size} bytes, ${nlink} names`)
  },
  list: () => {
    if (!readdirSync(dirname(file)).includes(basename(file))) throw new Error('a listing without the file')
  },
}

const end = performance.now() + Number(seconds) * 1000
let count = 0
try {
  for (; performance.now() < end; count++) ways[how]?.()
  console.log(`${count} times, nothing missing`)
  process.exitCode = count === 0 ? 1 : 0
} catch (error) {
  console.log(`after ${count} times: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}
