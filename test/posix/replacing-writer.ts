// A program for tests: writes a file anew and renames it over another, again and again, for so many milliseconds; each
// version has a letter and a length of its own, and some are synced, linked or open at that moment. Says how many.
import { closeSync, fsyncSync, linkSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'

const [milliseconds = '0', path = '', name = ''] = process.argv.slice(2)
const end = performance.now() + Number(milliseconds)
let versions = 0
while (performance.now() < end) {
  const temporary = `${path}.${name}.new`
  const fd = openSync(temporary, 'w')
  const bytes = Buffer.alloc(1000 + ((versions * 7919) % 200_000), 97 + (versions % 26))
  writeSync(fd, bytes.subarray(0, 500))
  writeSync(fd, bytes.subarray(500))
  if (versions % 7 === 0) fsyncSync(fd)
  if (versions % 5 !== 0) closeSync(fd)
  if (versions % 11 === 0) {
    linkSync(temporary, `${temporary}-link`)
    rmSync(`${temporary}-link`)
  }
  renameSync(temporary, path)
  if (versions % 5 === 0) closeSync(fd)
  versions++
}
process.stdout.write(JSON.stringify({ versions }))
