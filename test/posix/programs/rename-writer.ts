// Replaces a file by another version, over and over, in one of the ways that programs save in.
//   node rename-writer.js FILE SECONDS how    how: rename, fsync, link
import { closeSync, fsyncSync, linkSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { versionBytes } from './rename-versions.js'

const [file = '', seconds = '', how = ''] = process.argv.slice(2)
const draft = `${file}.draft`

function write(path: string, version: number, durable: boolean): void {
  const bytes = Buffer.alloc(versionBytes(version), version)
  const fd = openSync(path, 'w')
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, Math.min(50_000, bytes.length - at))
  if (durable) fsyncSync(fd)
  closeSync(fd)
}

const ways: Readonly<Record<string, (version: number) => void>> = {
  rename: (version) => {
    write(draft, version, false)
    renameSync(draft, file)
  },
  fsync: (version) => {
    write(draft, version, true)
    renameSync(draft, file)
  },
  // As editors do that keep a backup: the old one gets a second name, then the new one takes its place.
  link: (version) => {
    rmSync(`${file}~`, { force: true })
    linkSync(file, `${file}~`)
    write(draft, version, false)
    renameSync(draft, file)
  },
}

const end = performance.now() + Number(seconds) * 1000
let version = 1
for (; performance.now() < end; version = (version % 250) + 1) ways[how]?.(version)
console.log('replaced to the end')
