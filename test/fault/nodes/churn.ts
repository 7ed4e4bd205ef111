// Ordinary work in a folder, by a seed: files are made, changed in the middle, appended to, renamed and removed. What a
// folder holds is told by a digest, so that two can be compared wherever they are mounted.
import { createHash } from 'node:crypto'
import { closeSync, fsyncSync, lstatSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { Random } from '../../model/random.js'

const filesMax = 400
const bytesMax = 2 * 1024 * 1024

export class Churn {
  readonly #folder: string
  readonly #random: Random
  #files: string[] = []
  #made = 0
  steps = 0
  writtenBytes = 0

  constructor(folder: string, seed: number) {
    this.#folder = folder
    this.#random = new Random(seed)
  }

  step(): void {
    this.steps++
    const dice = this.#random.below(100)
    const path = this.#files[this.#random.below(Math.max(1, this.#files.length))]
    if (path === undefined || (dice < 45 && this.#files.length < filesMax)) this.#make()
    else if (dice < 65) this.#change(path)
    else if (dice < 80) this.#append(path)
    else if (dice < 90) this.#rename(path)
    else this.#remove(path)
  }

  #make(): void {
    const directory = `d${String(this.#random.below(12))}`
    mkdirSync(join(this.#folder, directory), { recursive: true })
    const name = join(directory, `f${String(this.#made++)}`)
    writeFileSync(join(this.#folder, name), this.#bytes())
    this.#files.push(name)
  }

  #change(name: string): void {
    const { size } = lstatSync(join(this.#folder, name))
    this.#write(name, this.#random.below(Math.max(1, size)), this.#bytes().subarray(0, 65_536))
  }

  #append(name: string): void {
    const { size } = lstatSync(join(this.#folder, name))
    if (size < bytesMax) this.#write(name, size, this.#bytes().subarray(0, 20_000))
  }

  #write(name: string, offset: number, bytes: Uint8Array): void {
    const file = openSync(join(this.#folder, name), 'r+')
    writeSync(file, bytes, 0, bytes.byteLength, offset)
    if (this.#random.below(4) === 0) fsyncSync(file)
    closeSync(file)
  }

  #rename(name: string): void {
    const next = join(name.split('/')[0] ?? '', `r${String(this.#made++)}`)
    renameSync(join(this.#folder, name), join(this.#folder, next))
    this.#files = this.#files.map((each) => (each === name ? next : each))
  }

  #remove(name: string): void {
    rmSync(join(this.#folder, name))
    this.#files = this.#files.filter((each) => each !== name)
  }

  /** Mostly small, some of several chunks. */
  #bytes(): Uint8Array {
    const length = this.#random.below(10) === 0 ? this.#random.below(bytesMax) : this.#random.below(30_000)
    this.writtenBytes += length
    return this.#random.bytes(length)
  }
}

/** Of all names, kinds and contents below. */
export function digestOf(folder: string): string {
  const hash = createHash('sha256')
  const walk = (path: string): void => {
    for (const name of readdirSync(path).sort()) {
      const full = join(path, name)
      const entry = lstatSync(full)
      hash.update(`${full.slice(folder.length)}\0${entry.isDirectory() ? 'd' : String(entry.size)}\0`)
      if (entry.isDirectory()) walk(full)
      else hash.update(readFileSync(full))
    }
  }
  walk(folder)
  return hash.digest('hex')
}
