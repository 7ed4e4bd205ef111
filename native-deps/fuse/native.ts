// The compiled half of the kernel driver (addon.c, channel.c, transfer.c, mounting.c) as TypeScript sees it.
// Everything answers a value or a negative errno and throws nothing.
import { loadAddon } from '../addon.js'

/** What one connection to /dev/fuse can do. Buffers are named by the index that addBuffer gave. */
export interface Channel {
  addBuffer(bytes: Uint8Array): number
  /** Length of a request, or -errno. Spins so long before it answers -EAGAIN. FORGET never comes out. */
  read(buffer: number, spinMicroseconds: number): number
  /** Sends one slot of the arena; counts its inode number if the kernel took it. */
  reply(slot: number): number
  /** Sends the slots 0 to count - 1, writes each result into its slot, answers how many failed. */
  replyAll(count: number): number
  /** Sends a slot's header and then the first `length` bytes. */
  replyData(slot: number, bytes: Uint8Array, length: number, areEntries: boolean): number
  setPolling(on: boolean): void
  watch(ino: number): boolean
  /** Another process served this connection before: has the kernel send again what that one had not answered. */
  inherit(): number
  takeForgotten(): readonly number[] | undefined
  invalidateInode(ino: number, offset: number, length: number): number
  invalidateEntry(parent: number, name: Uint8Array, expire: boolean): number
  /** Content for the kernel's pages, copied before it returns; in one line with the invalidations. */
  storePages(ino: number, offset: number, bytes: Uint8Array, length: number): number
  /** How many of these three the kernel has acted on, in the order in which they were taken; modulo 2^32. */
  noticesSent(): number
  close(): void
}

export interface FuseAddon {
  mountDirect(source: string, mountPoint: string, options: string, readOnly: boolean): number
  socketPair(): readonly [number, number] | number
  receiveDescriptor(socket: number): number
  unmount(mountPoint: string, lazy: boolean): Promise<number>
  openChannel(fd: number, arena: Uint8Array, onReadable: () => void): Channel | number
}

/** The layout of an arena slot, as channel.h has it. */
export const slotLayout = { bytes: 512, countedIno: 0, result: 8, reply: 16 } as const

let loaded: FuseAddon | undefined

export function fuseAddon(): FuseAddon {
  loaded ??= loadAddon('fuse') as FuseAddon
  return loaded
}
