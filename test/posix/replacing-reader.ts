// A program for tests: reads a file, whole, that others replace by rename, for so many milliseconds, by each of its
// names in turn. What it read has to be one of the versions and the whole of it: as many bytes as fstat says, all of
// one letter. It says how many it read, as JSON, and what was wrong.
import { closeSync, fstatSync, openSync, readFileSync, readSync, statSync } from 'node:fs'

const [milliseconds = '0', ...paths] = process.argv.slice(2)
const wrong: string[] = []
const inodes = new Set<number>()
let reads = 0

function look(path: string): void {
  const fd = openSync(path, 'r')
  const before = fstatSync(fd)
  const content = Buffer.alloc(before.size + 1)
  let length = 0
  for (let got = 1; got > 0; length += got) got = readSync(fd, content, length, Math.min(65_536, content.length - length), length)
  const after = fstatSync(fd)
  closeSync(fd)
  inodes.add(before.ino)
  const whole = content.subarray(0, length)
  if (length !== before.size || after.size !== before.size || after.ino !== before.ino) wrong.push(`${length} of ${before.size} and ${after.size} bytes`)
  if (length < 1000 || !whole.every((byte) => byte === whole[0])) wrong.push('a mixture, or less than a version')
}

const end = performance.now() + Number(milliseconds)
while (performance.now() < end && wrong.length < 10) {
  for (const path of paths) {
    try {
      look(path)
      // By its name, and by what Node makes of it: a stat of the open file, and a read of as much.
      if (statSync(path).size < 1000 || readFileSync(path).length < 1000) wrong.push('a size that no version has')
      reads++
    } catch (error) {
      wrong.push(String(error))
    }
  }
}
process.stdout.write(JSON.stringify({ reads, versions: inodes.size, wrong }))
