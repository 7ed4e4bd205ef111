// The kernel driver: a mount of its own on /dev/fuse, served from the event loop. Who calls mountKernel must have
// loaded all its modules and work from a folder outside of the mount: a file access of this process to its own mount
// waits for itself.
import { closeSync, writeFileSync } from 'node:fs'
import { getSystemErrorName } from 'node:util'
import { VaultError } from '../../lib/terms/errors.js'
import type { Logger } from '../../lib/terms/log.js'
import type { Exchange } from './exchange.js'
import type { AnswerMemory, Connection, Handler, Mount, MountOptions, Name, RequestCounts } from './handler.js'
import { closeMount, openMount, type OpenedMount } from './kernel-mount.js'
import { findMount } from './mount-table.js'
import { fuseAddon, type Channel } from './native.js'
import { initReplyBytes, negotiate, putInitReply, readOffer, writeBytesMax, type Negotiated } from './negotiation.js'
import { Notices } from './notices.js'
import { isChanging, isWhole, operationTable } from './operations.js'
import { PageStores } from './page-stores.js'
import { errno, initFlags, version } from './protocol.js'
import type { RequestBuffer } from './protocol-input.js'
import { validity } from './protocol-output.js'
import { RequestBuffers } from './request-buffers.js'
import { Session } from './session.js'
import { Spinner } from './spinner.js'

/** After an unmount the connection normally ends at once; another mount namespace may hold on to it. */
const endWithinMs = 2000
/** Of the largest size: while one is being answered the kernel asks for what follows. */
const readAheadRequests = 2

export interface Handover {
  readonly answers?: AnswerMemory
  /** Present: goes on with it. What its daemon had read and not answered comes first. */
  readonly connection?: Connection
}

export async function mountKernel(options: MountOptions, handler: Handler, logger: Logger, handover: Handover = {}): Promise<Mount> {
  const opened = handover.connection ?? (await openMount(options))
  try {
    const mount = new KernelMount(opened, options, handler, logger, handover)
    await mount.ready
    return mount
  } catch (error) {
    await closeMount(opened.mountPoint, { direct: opened.direct, lazy: true }).catch(() => undefined)
    throw error
  }
}

class KernelMount implements Mount {
  readonly driver = 'kernel'
  readonly mountPoint: string
  readonly closed: Promise<void>
  readonly pages: PageStores
  /** Resolves when INIT was answered. */
  readonly ready: Promise<void>
  readonly #opened: OpenedMount
  readonly #device: string | undefined
  readonly #channel: Channel
  readonly #session: Session
  readonly #notices: Notices
  readonly #resolveClosed: () => void
  readonly #resolveReady: () => void
  readonly #rejectReady: (error: VaultError) => void
  #open = true
  #negotiated: Negotiated | undefined

  constructor(opened: OpenedMount, options: MountOptions, handler: Handler, logger: Logger, { answers, connection }: Handover) {
    this.#opened = opened
    this.mountPoint = opened.mountPoint
    this.#device = findMount(opened.mountPoint)?.device
    const closed = Promise.withResolvers<void>()
    const ready = Promise.withResolvers<void>()
    this.closed = closed.promise
    this.ready = ready.promise
    this.#resolveClosed = closed.resolve
    this.#resolveReady = ready.resolve
    this.#rejectReady = ready.reject
    this.pages = new PageStores(() => (this.#open ? this.#notices : undefined))
    if (connection !== undefined) this.pages.inherit()
    this.#session = new Session({
      handler,
      pageStores: this.pages,
      logger,
      valid: { entry: validity(options.entrySeconds), attributes: validity(options.attributeSeconds) },
      operations: operationTable((session, input, exchange) => this.#init(session, input, exchange, options)),
      changing: isChanging,
      fits: isWhole,
      spinner: new Spinner(options.spinMicroseconds),
      onEnd: () => this.#end(),
      dropPages: (ino, offset, length) => (this.#open ? this.#notices.inodeDone(ino, offset, length) : Promise.resolve()),
      ...(answers === undefined ? {} : { answers }),
    })
    const channel = fuseAddon().openChannel(opened.fd, this.#session.arena.bytes, () => this.#session.drain())
    if (typeof channel === 'number') {
      closeSync(opened.fd)
      throw new VaultError('no-fuse', `the kernel's descriptor can't be polled: ${getSystemErrorName(channel)}`)
    }
    this.#channel = channel
    this.#notices = new Notices(channel, logger)
    this.#session.channel = channel
    this.#session.buffers = new RequestBuffers(channel, writeBytesMax)
    if (connection !== undefined) this.#goOn(connection, logger)
    channel.setPolling(true)
  }

  #goOn({ minor, flags }: Connection, logger: Logger): void {
    this.#agreed({ minor, flags: BigInt(flags) })
    const result = this.#channel.inherit()
    // Who waits for an answer to such a request then waits until he is killed; the kernel tells of nobody.
    if (result < 0) logger.log('warn', 'the kernel does not send again what was not answered', { errno: getSystemErrorName(result) })
    this.#resolveReady()
  }

  #agreed(negotiated: Negotiated): void {
    this.#negotiated = negotiated
    this.#session.negotiated = negotiated.flags
    this.#session.handler.ready?.(negotiated)
  }

  connection(): Connection | undefined {
    if (this.#negotiated === undefined || (this.#negotiated.flags & initFlags.hasResend) === 0n) return undefined
    const { fd, mountPoint, direct } = this.#opened
    return { fd, mountPoint, direct, minor: this.#negotiated.minor, flags: String(this.#negotiated.flags) }
  }

  #init(session: Session, input: RequestBuffer, exchange: Exchange, options: MountOptions): void {
    const offer = readOffer(input)
    if (offer.major !== version.major || offer.minor < version.oldestMinor) {
      session.fail(exchange, -errno.EPROTO)
      this.#rejectReady(new VaultError('no-fuse', `the kernel speaks FUSE ${offer.major}.${offer.minor}, which is too old`, {
        next: 'Linux 4.20 or newer is needed.',
      }))
      return
    }
    const negotiated = negotiate(offer, options)
    this.#agreed(negotiated)
    session.answerStatus(exchange, 0, (_, at) => {
      putInitReply(session.arena.view, at, offer, negotiated)
      return initReplyBytes
    })
    this.#readAhead()
    this.#resolveReady()
  }

  /** The kernel reads 128 KiB ahead at most unless root says otherwise; a request may carry 1 MiB, and several shall be under way. */
  #readAhead(): void {
    if (!this.#opened.direct || this.#device === undefined) return
    try {
      writeFileSync(`/sys/class/bdi/${this.#device}/read_ahead_kb`, String((readAheadRequests * writeBytesMax) / 1024))
    } catch {
      // Only slower: /sys is read-only in most containers.
    }
  }

  #end(): void {
    if (!this.#open) return
    this.#open = false
    this.#notices.close()
    this.#session.deferred.end()
    this.#channel.close()
    this.#rejectReady(new VaultError('no-fuse', 'the kernel ended the mount before it began', { subject: this.mountPoint }))
    this.#resolveClosed()
  }

  requests(): RequestCounts {
    return this.#session.deferred.ledger.counts()
  }

  watchForget(ino: number): boolean {
    return this.#open && this.#channel.watch(ino)
  }

  invalidateInode(ino: number, offset: number, length: number): void {
    if (this.#open) this.#notices.inode(ino, offset, length)
  }

  invalidateEntry(parent: number, name: Name): void {
    if (this.#open) this.#notices.entry(parent, name, false)
  }

  expireEntry(parent: number, name: Name): void {
    if (this.#open && (this.#session.negotiated & initFlags.hasExpireOnly) !== 0n) this.#notices.entry(parent, name, true)
  }

  async settled(): Promise<void> {
    if (this.#open) await this.#notices.settled()
  }

  async unmount({ lazy }: { readonly lazy: boolean }): Promise<void> {
    // Somebody may have unmounted us, and mounted something else there since.
    const stillThere = this.#device !== undefined && findMount(this.mountPoint)?.device === this.#device
    if (this.#open && stillThere) await closeMount(this.mountPoint, { direct: this.#opened.direct, lazy })
    if (lazy) return
    const late = Promise.withResolvers<void>()
    const timer = setTimeout(late.resolve, endWithinMs)
    await Promise.race([this.closed, late.promise])
    clearTimeout(timer)
  }
}
