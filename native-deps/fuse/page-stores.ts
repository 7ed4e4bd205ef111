// Content that lay around a small read is handed to the kernel's pages with it (FUSE_NOTIFY_STORE): opening a frame of a
// blob costs the same for 4 KiB as for all of it. Such a notice races with whoever changes the file, and what it says
// would stay: so it goes only to files that nobody has open for writing, and whoever opens one for writing, or truncates
// it by its name, is answered when the kernel has acted on what is under way. Mapped and written-back pages need a
// descriptor that may write until they are clean, so no other way changes what the kernel shows.
import type { Around, PagePort } from './handler.js'
import type { Notices } from './notices.js'

const accessMode = 3
const truncates = 0o1000
/** Inodes whose last store may not have reached the kernel; beyond, those that have are looked for. */
const underWayMax = 1024

export class PageStores implements PagePort {
  readonly #notices: () => Notices | undefined
  /** How many may change an inode now: descriptors and truncations. */
  readonly #changers = new Map<number, number>()
  readonly #reading = new Map<number, Set<Around>>()
  /** The last store's ticket. */
  readonly #underWay = new Map<number, number>()
  /** Another daemon answered on this connection before: who has what open is not known. */
  #isBlind = false

  constructor(notices: () => Notices | undefined) {
    this.#notices = notices
  }

  inherit(): void {
    this.#isBlind = true
  }

  begin(ino: number): Around | undefined {
    if (this.#isBlind || this.#changers.has(ino)) return undefined
    const around: Around = { ino, valid: true }
    const others = this.#reading.get(ino)
    if (others === undefined) this.#reading.set(ino, new Set([around]))
    else others.add(around)
    return around
  }

  store({ ino, valid }: Around, offset: number, bytes: Uint8Array): void {
    if (!valid) return
    const ticket = this.#notices()?.store(ino, offset, bytes)
    if (ticket === undefined) return
    this.#underWay.set(ino, ticket)
    if (this.#underWay.size > underWayMax) this.#sweep()
  }

  end(around: Around): void {
    const others = this.#reading.get(around.ino)
    others?.delete(around)
    if (others?.size === 0) this.#reading.delete(around.ino)
  }

  /** Somebody opens it; `flags` of open(2). A promise: not before it resolves. Ends with `refused` or `opened`. */
  opens(ino: number, flags: number): Promise<void> | undefined {
    return (flags & (accessMode | truncates)) === 0 ? undefined : this.changes(ino)
  }

  refused(ino: number, flags: number): void {
    if ((flags & (accessMode | truncates)) !== 0) this.changed(ino)
  }

  /** O_RDONLY | O_TRUNC has changed it by now, and can't any more; its release has no O_TRUNC. */
  opened(ino: number, flags: number): void {
    if ((flags & accessMode) === 0) this.refused(ino, flags)
  }

  released(ino: number, flags: number): void {
    if ((flags & accessMode) !== 0) this.changed(ino)
  }

  /** Somebody changes it until `changed`. A promise: not before it resolves. */
  changes(ino: number): Promise<void> | undefined {
    this.#changers.set(ino, (this.#changers.get(ino) ?? 0) + 1)
    for (const around of this.#reading.get(ino) ?? []) around.valid = false
    const ticket = this.#underWay.get(ino)
    if (ticket === undefined) return undefined
    this.#underWay.delete(ino)
    const notices = this.#notices()
    return notices === undefined || notices.hasReached(ticket) ? undefined : notices.reached(ticket)
  }

  changed(ino: number): void {
    const count = (this.#changers.get(ino) ?? 0) - 1
    if (count > 0) this.#changers.set(ino, count)
    else this.#changers.delete(ino)
  }

  #sweep(): void {
    for (const [ino, ticket] of this.#underWay) if (this.#notices()?.hasReached(ticket) ?? true) this.#underWay.delete(ino)
  }
}
