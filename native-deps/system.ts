// System calls that Node lacks: reserving and freeing a range of a file, the nice value of one thread, flock(2), the
// immutable flag, returning memory; and who another process is.
import { readFileSync } from 'node:fs'
import { getSystemErrorName } from 'node:util'
import { fromErrno } from '../lib/terms/errors.js'
import { loadAddon } from './addon.js'

interface SystemAddon {
  fallocate(fd: number, mode: number, offset: number, length: number): number
  setNice(nice: number): number
  lock(fd: number): number
  setImmutable(fd: number, on: boolean): number
  setXattr(path: Uint8Array, name: Uint8Array, value: Uint8Array): number
  syncDisk(fd: number): number
  discard(bytes: Uint8Array): number
  createMemory(bytes: number): number
  mapMemory(bytes: Uint8Array, fd: number, offset: number): number
  copy(target: Uint8Array, source: Uint8Array): number | undefined
  pageOffset(bytes: Uint8Array): number
  cachedPages(fd: number, offset: number, length: number): number
  closeOnExec(fd: number): number
  returnMemory(): Promise<void> | undefined
}

/** FALLOC_FL_* of <linux/falloc.h>. */
const keepSize = 1
const punch = 2

let loaded: SystemAddon | undefined

function addon(): SystemAddon {
  loaded ??= loadAddon('system') as SystemAddon
  return loaded
}

function check(result: number, call: string): void {
  if (result === 0) return
  const code = getSystemErrorName(result)
  throw fromErrno(Object.assign(new Error(`${code}: ${call}`), { code, errno: result, syscall: call }), call)
}

export interface FileRange {
  readonly offset: number
  readonly length: number
}

/** Reserves the range on disk and lets the file grow to its end; what is there stays. Throws 'no-space' when full. */
export function preallocate(fd: number, { offset, length }: FileRange): void {
  check(addon().fallocate(fd, 0, offset, length), 'fallocate')
}

/**
 * Frees the range on disk; it reads as zeros, the size stays. Answers false where the filesystem has no holes
 * (then nothing happened).
 */
export function punchHole(fd: number, { offset, length }: FileRange): boolean {
  const result = addon().fallocate(fd, punch | keepSize, offset, length)
  if (result === 0) return true
  const code = getSystemErrorName(result)
  if (code === 'EOPNOTSUPP' || code === 'ENOTSUP' || code === 'ENOSYS') return false
  check(result, 'fallocate')
  return false
}

/** Lowers the priority of the calling thread only (a worker's). */
export function setThreadNice(nice: number): void {
  check(addon().setNice(nice), 'nice')
}

/** Locks an open file for this process alone; answers false when another has it. Closing the file unlocks it. */
export function lockOpenFile(fd: number): boolean {
  const result = addon().lock(fd)
  if (result !== 0 && getSystemErrorName(result) === 'EAGAIN') return false
  check(result, 'flock')
  return true
}

/** Of a symbolic link itself. Throws what lsetxattr(2) says. */
export function setXattr(path: Uint8Array, name: string, value: Uint8Array): void {
  const zeroEnded = (bytes: Uint8Array): Uint8Array => Buffer.concat([bytes, new Uint8Array(1)])
  check(addon().setXattr(zeroEnded(path), zeroEnded(Buffer.from(name, 'latin1')), value), 'lsetxattr')
}

/** Everything that was written to the filesystem of the open file is on the disk when it returns. Throws what syncfs(2) says. */
export function syncDisk(fd: number): void {
  check(addon().syncDisk(fd), 'syncfs')
}

/** A folder with the flag takes no new entries, from root neither. Answers false where that cannot be had. */
export function setImmutable(fd: number, on: boolean): boolean {
  return addon().setImmutable(fd, on) === 0
}

/**
 * Gives the pages that malloc holds free inside of its arenas back to the kernel; by itself it returns only those at an
 * arena's end. On a thread of the pool; other threads that allocate meanwhile may wait a few milliseconds. Where the C
 * library has no such call, nothing happens.
 */
export async function returnFreeMemory(): Promise<void> {
  await addon().returnMemory()
}

/** This thread's own memory that begins at a page, as direct reads need it. */
export function privatePages(bytes: number): Uint8Array<ArrayBuffer> {
  const room = new Uint8Array(bytes + 4096)
  const offset = addon().pageOffset(room)
  return room.subarray(offset, offset + bytes)
}

/** How many pages that hold some of the range are in the kernel's page cache; undefined: the kernel (before 6.5) does not say. */
export function cachedPages(fd: number, { offset, length }: FileRange): number | undefined {
  const pages = addon().cachedPages(fd, offset, length)
  return pages < 0 ? undefined : pages
}

/**
 * Gives the pages of memory that nobody needs now back to the kernel, also of a SharedArrayBuffer: they read as zeros
 * from then on. What shares a page with other memory stays as it is. About 8 µs for 64 KiB.
 */
export function discardPages(bytes: Uint8Array): void {
  check(addon().discard(bytes), 'madvise')
}

/** Memory that outlives this process for as long as another holds its descriptor too; undefined where that cannot be had. */
export function createMemory(bytes: number): number | undefined {
  const fd = addon().createMemory(bytes)
  return fd < 0 ? undefined : fd
}

/**
 * Shared memory (`bytes` long, a multiple of 64 KiB) that is a part of the descriptor's. Made as WebAssembly's is, since
 * that begins at a page and V8 never moves it.
 */
export function mapMemory(fd: number, { offset, length }: FileRange): SharedArrayBuffer {
  const pages = length / 65536
  const shared = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }).buffer as SharedArrayBuffer
  check(addon().mapMemory(new Uint8Array(shared), fd, offset), 'mmap')
  return shared
}

/** Shorter ones are copied before a native call has begun. */
const copyNativeMin = 1024

/**
 * `target.set(source)` for memory of which one or both are shared: V8 copies that a word at a time, at a fifth of the
 * speed. They may not overlap.
 */
export function copyShared(target: Uint8Array, source: Uint8Array): void {
  if (source.byteLength < copyNativeMin) target.set(source)
  else check(addon().copy(target, source) ?? 0, 'memcpy')
}

/** Zeros that begin at a page's start, as direct reads and writes want it; `bytes` is a multiple of 64 KiB. */
export function alignedMemory(bytes: number): Uint8Array<ArrayBuffer> {
  const pages = bytes / 65536
  return new Uint8Array(new WebAssembly.Memory({ initial: pages, maximum: pages }).buffer as ArrayBuffer)
}

/** What this process starts does not inherit the descriptor. */
export function closeOnExec(fd: number): void {
  check(addon().closeOnExec(fd), 'fcntl')
}

/** As this process sees it: of one in a user namespace of its own, the number outside. Undefined: there is no such process. */
export function effectiveUidOf(pid: number): number | undefined {
  try {
    const uid = /^Uid:\s+\d+\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]
    return uid === undefined ? undefined : Number(uid)
  } catch {
    return undefined
  }
}
