// Prints a picture of a tree, a line for each entry, sorted: path, kind, mode, owner, size, times, link count, which names
// are one file, content. Two trees are the same when their pictures are; xattrs are getfattr's to tell.
//   node picture.js FOLDER
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { lstat, readdir, readlink } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'

const kinds: Readonly<Record<number, string>> = { 0o010000: 'fifo', 0o020000: 'char', 0o040000: 'dir', 0o060000: 'block', 0o100000: 'file', 0o120000: 'link', 0o140000: 'socket' }
const slash = Buffer.from('/')
const firstNames = new Map<bigint, string>()

async function contentOf(path: Buffer, kind: string | undefined): Promise<string> {
  if (kind === 'link') return (await readlink(path, 'buffer')).toString('latin1')
  if (kind !== 'file') return ''
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

async function lineOf(path: Buffer, name: string): Promise<{ line: string; isFolder: boolean }> {
  const stat = await lstat(path, { bigint: true })
  const kind = kinds[Number(stat.mode) & 0o170000]
  const isFolder = kind === 'dir'
  // What a folder counts as its size and links is the filesystem's own business.
  const counted = isFolder ? ['-', '-', '-'] : [stat.size, stat.nlink, firstNames.get(stat.ino) ?? name]
  if (!isFolder && !firstNames.has(stat.ino)) firstNames.set(stat.ino, name)
  const device = kind === 'char' || kind === 'block' ? stat.rdev : ''
  return { isFolder, line: [name, kind, (Number(stat.mode) & 0o7777).toString(8), stat.uid, stat.gid, stat.mtimeNs, ...counted, device, await contentOf(path, kind)].join(' ') }
}

async function draw(folder: Buffer, prefix: string): Promise<void> {
  const names = (await readdir(folder, 'buffer')).sort((one, other) => Buffer.compare(one, other))
  for (const name of names) {
    const path = Buffer.concat([folder, slash, name])
    const shown = JSON.stringify(prefix + name.toString('latin1'))
    const { line, isFolder } = await lineOf(path, shown)
    process.stdout.write(`${line}\n`)
    if (isFolder) await draw(path, `${prefix}${name.toString('latin1')}/`)
  }
}

await draw(Buffer.from(process.argv[2] ?? ''), '')
