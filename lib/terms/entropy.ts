// The source of randomness is handed in, so that tests can be repeated from a seed.

export interface Entropy {
  /** `length` unpredictable bytes, the caller's own. */
  bytes(length: number): Uint8Array<ArrayBuffer>
}
