// One writer of the torture, a process: `writer FOLDER SEED NOTES [STEPS]` does the plan's steps in FOLDER, one system call
// after another, until it is killed, or has done so many, or NOTES.stop is there, or a call fails, as all do when the daemon is gone for good: says
// then which, and ends with 3.
import { chmodSync, closeSync, existsSync, fsyncSync, ftruncateSync, linkSync, mkdirSync, openSync, renameSync, rmdirSync, symlinkSync, unlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { Random } from '../../model/random.js'
import { StepNotes } from './notes.js'
import { Plan } from './plan.js'
import { contentOf, type Step } from './step.js'

const [, , folder = '', seed = '', notesPath = '', most = 'Infinity'] = process.argv
const descriptors = new Map<number, number>()
const at = (path: string): string => join(folder, path)

function descriptorOf(handle: number): number {
  const fd = descriptors.get(handle)
  if (fd === undefined) throw new Error(`handle ${String(handle)} is not open`)
  return fd
}

function execute(step: Step): void {
  switch (step.kind) {
    case 'create': return void descriptors.set(step.handle, openSync(at(step.path), 'wx', 0o600))
    case 'open': return void descriptors.set(step.handle, openSync(at(step.path), 'r+'))
    case 'write': return write(descriptorOf(step.handle), contentOf(step.tag, step.length), step.offset)
    case 'truncate': return ftruncateSync(descriptorOf(step.handle), step.size)
    case 'fsync': return fsyncSync(descriptorOf(step.handle))
    case 'close':
      closeSync(descriptorOf(step.handle))
      return void descriptors.delete(step.handle)
    case 'mkdir': return void mkdirSync(at(step.path), 0o700)
    case 'rmdir': return rmdirSync(at(step.path))
    case 'unlink': return unlinkSync(at(step.path))
    case 'rename': return renameSync(at(step.path), at(step.to))
    case 'link': return linkSync(at(step.path), at(step.to))
    case 'symlink': return symlinkSync(step.target, at(step.path))
    case 'chmod': return chmodSync(at(step.path), step.mode)
    case 'syncdir': return syncDirectory(at(step.path))
  }
}

/** In one call: the judge counts on it that a write is there whole or not at all. */
function write(fd: number, bytes: Uint8Array, offset: number): void {
  const written = writeSync(fd, bytes, 0, bytes.byteLength, offset)
  if (written !== bytes.byteLength) throw new Error(`write(2) took ${String(written)} of ${String(bytes.byteLength)} bytes`)
}

function syncDirectory(path: string): void {
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

process.umask(0)
const notes = new StepNotes(notesPath)
const plan = new Plan(Number(seed))
const pauses = new Random(Number(seed) + 1)
const sleeper = new Int32Array(new SharedArrayBuffer(4))
for (let index = 0; index < Number(most) && !existsSync(`${notesPath}.stop`); index++) {
  const step = plan.next()
  notes.begin(index)
  try {
    execute(step)
  } catch (error) {
    console.log(`step ${String(index)}, ${step.kind}: ${error instanceof Error ? error.message : String(error)}`)
    process.exit(3)
  }
  notes.end(index)
  if (pauses.chance(0.05)) Atomics.wait(sleeper, 0, 0, pauses.below(20))
}
