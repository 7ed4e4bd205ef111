// One request on its way: who asks, what the answer has to carry, and how it may be abandoned. Exchanges are pooled: a
// handler may keep one until it has answered and not a moment longer.
import type { Request } from './handler.js'
import type { RequestBuffer } from './protocol-input.js'

export class Exchange implements Request {
  uid = 0
  gid = 0
  pid = 0
  opcode = 0
  node = 0
  uniqueLow = 0
  uniqueHigh = 0
  /** Its reply waits for `afterBatch`. */
  changes = false
  /** Room the kernel has for the answer, where the operation says so. */
  sizeMax = 0
  /** Of an open whose reply the kernel may not take: then it has to be released. */
  openedIno = 0
  openedHandle: number | undefined
  /** Of open(2); see page-stores.ts. */
  openedFlags = 0
  waitsSinceMs = 0
  #aborted = false
  #onAbort: (() => void) | undefined

  begin(input: RequestBuffer, changes: boolean): void {
    this.uid = input.uid
    this.gid = input.gid
    this.pid = input.pid
    this.opcode = input.opcode
    this.node = input.node
    this.uniqueLow = input.uniqueLow
    this.uniqueHigh = input.uniqueHigh
    this.changes = changes
    this.sizeMax = 0
    this.openedHandle = undefined
    this.#aborted = false
    this.#onAbort = undefined
  }

  /** The kernel asks again what another daemon read and did not answer. */
  get isResent(): boolean {
    return (this.uniqueHigh & 0x80000000) !== 0
  }

  /** Without FUSE_UNIQUE_RESEND, bit 63; INTERRUPT names the request without it too. */
  get key(): number {
    return (this.uniqueHigh & 0x1fffff) * 0x100000000 + this.uniqueLow
  }

  /** Carries an error to the same caller, while the handler still holds this one. */
  double(): Exchange {
    const double = new Exchange()
    double.opcode = this.opcode
    double.uniqueLow = this.uniqueLow
    double.uniqueHigh = this.uniqueHigh
    double.changes = this.changes
    return double
  }

  onAbort(callback: () => void): void {
    if (this.#aborted) callback()
    else this.#onAbort = callback
  }

  abort(): void {
    if (this.#aborted) return
    this.#aborted = true
    this.#onAbort?.()
  }
}
