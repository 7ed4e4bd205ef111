// `npm run bench:dedup -- [--files 2000] [--mib 1024] [--edited 100] [--write]`: what is stored anew when data comes a second
// time: a tree that is copied, a file with a byte put in front of it, a large file that is edited in one place. Counted are
// sealed bytes of blobs and of the manifest, which nodes get too, and how much the databases here grew, which are made of these.
import { createHash } from 'node:crypto'
import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { projectRoot } from '../tidy/source.js'
import { BenchVault } from './bench-vault.js'
import { machineLines, table } from './machine.js'

const { values } = parseArgs({ options: { files: { type: 'string', default: '2000' }, mib: { type: 'string', default: '1024' }, edited: { type: 'string', default: '100' }, write: { type: 'boolean', default: false } } })
const mebibyte = 1024 * 1024
const bounds = { blobShare: 0.01, metadataBytes: 600, frontShare: 0.03, editedMib: 10 } as const

/** Noise that is the same each time, and nowhere twice. */
class Noise {
  #count = 0

  bytes(length: number): Buffer {
    const parts: Buffer[] = []
    for (let made = 0; made < length; made += mebibyte) {
      const key = createHash('sha256').update(String(this.#count++)).digest()
      parts.push(createHash('shake256', { outputLength: Math.min(mebibyte, length - made) }).update(key).digest())
    }
    return Buffer.concat(parts)
  }
}

interface Stored {
  readonly blobs: number
  readonly manifest: number
  readonly databases: number
}

const vault = new BenchVault()
const noise = new Noise()
const rows: (readonly string[])[] = []

/** All that was written so far is published. */
function stored(): Stored {
  vault.sync()
  const { amplification } = vault.status()
  const databases = ['catalog.db', 'history.db'].map((name) => statSync(join(vault.store, name)).size).reduce((sum, each) => sum + each, 0)
  return { blobs: amplification.stored, manifest: amplification.manifest, databases }
}

function added(work: () => void): Stored {
  const before = stored()
  work()
  const after = stored()
  return { blobs: after.blobs - before.blobs, manifest: after.manifest - before.manifest, databases: after.databases - before.databases }
}

function told(what: string, measured: string, bound: string, isMet: boolean): void {
  rows.push([what, measured, bound, isMet ? 'yes' : '**no**'])
  console.error(`${what}: ${measured}`)
}

/** Twenty to a folder; a tenth of them larger than what an entry holds in itself by far. */
function makeTree(folder: string, files: number): void {
  for (let file = 0; file < files; file++) {
    const inside = join(folder, `folder ${String(Math.floor(file / 20))}`)
    if (file % 20 === 0) mkdirSync(inside, { recursive: true })
    writeFileSync(join(inside, `file ${String(file)}`), noise.bytes(file % 10 === 0 ? 100_000 : 1000 + (file * 7919) % 15_000))
  }
}

function tree(files: number): void {
  const [one, other] = [join(vault.mountPoint, 'tree'), join(vault.mountPoint, 'copy')]
  const first = added(() => { makeTree(one, files) })
  const second = added(() => { execFileSync('cp', ['-a', one, other]) })
  const share = second.blobs / first.blobs
  const entries = files + files / 20
  told(`a tree of ${String(files)} files copied: blob bytes`, `${(100 * share).toFixed(2)} %`, '1 %', share < bounds.blobShare)
  const metadata = second.manifest / entries
  told('its manifest, bytes for each file and folder', metadata.toFixed(0), String(bounds.metadataBytes), metadata <= bounds.metadataBytes)
  const all = (second.manifest + second.databases) / entries
  told('with what the databases here grew by', all.toFixed(0), `${String(bounds.metadataBytes)}, if these count`, all <= bounds.metadataBytes)
}

function writeNoise(path: string, mebibytes: number): void {
  const file = openSync(path, 'w')
  for (let at = 0; at < mebibytes; at++) writeSync(file, noise.bytes(mebibyte))
  closeSync(file)
}

function front(mebibytes: number): void {
  const [one, other] = [join(vault.mountPoint, 'large'), join(vault.mountPoint, 'shifted')]
  added(() => { writeNoise(one, mebibytes) })
  const { blobs } = added(() => {
    const [from, to] = [openSync(one, 'r'), openSync(other, 'w')]
    writeSync(to, 'x')
    const piece = Buffer.alloc(mebibyte)
    for (let length = readSync(from, piece); length > 0; length = readSync(from, piece)) writeSync(to, piece, 0, length)
    for (const file of [from, to]) closeSync(file)
  })
  const share = blobs / (mebibytes * mebibyte)
  told(`a byte in front of ${String(mebibytes)} MiB: blob bytes`, `${(100 * share).toFixed(2)} %`, '3 %', share < bounds.frontShare)
}

function edited(mebibytes: number): void {
  const path = join(vault.mountPoint, 'edited')
  added(() => { writeNoise(path, mebibytes) })
  const { blobs, manifest } = added(() => {
    const file = openSync(path, 'r+')
    writeSync(file, 'edited in one place', Math.floor((mebibytes * mebibyte) / 2))
    closeSync(file)
  })
  const published = (blobs + manifest) / mebibyte
  told(`${String(mebibytes)} MiB edited in one place: published`, `${published.toFixed(2)} MiB`, `${String(bounds.editedMib)} MiB`, published < bounds.editedMib)
}

try {
  vault.mount()
  tree(Number(values.files))
  edited(Number(values.edited))
  front(Number(values.mib))
} finally {
  vault.remove()
}
const lines = [...machineLines(`npm run bench:dedup -- ${process.argv.slice(2).join(' ')}`.trim()), '', ...table(['what', 'added', 'at most', 'met'], rows)]
console.log(lines.join('\n'))
if (values.write) writeFileSync(join(projectRoot(import.meta.dirname), 'test/bench/DEDUP.md'), ['# Data that comes a second time', '', ...lines, ''].join('\n'))
