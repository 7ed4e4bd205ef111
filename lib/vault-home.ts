// Whether the path of a store still leads to the folder that was opened. Whoever moves a store away while it is mounted, or
// puts another one in its place, would have files made, and databases tidied up, by path in what is not ours.
import { statSync } from 'node:fs'
import { fromErrno, VaultError } from './terms/errors.js'

export class StoreHome {
  readonly #store: string
  readonly #place: string

  /** Throws what stat(2) says. */
  constructor(store: string) {
    this.#store = store
    this.#place = placeOf(store)
  }

  /** Undefined: it is where it was. */
  elsewhere(): VaultError | undefined {
    let cause: unknown
    try {
      if (placeOf(this.#store) === this.#place) return undefined
    } catch (error) {
      // Whether a disk that does not answer has another folder there is not known.
      if (!(error instanceof VaultError) || error.code !== 'not-found') return undefined
      cause = error
    }
    const what = cause === undefined ? 'another folder is in its place' : 'there is nothing at its path'
    return new VaultError('io', `the store ${this.#store} was moved away while it was mounted: ${what}`, {
      subject: this.#store, next: 'Put it back; or unmount with --lazy, and mount it from where it is now.', cause,
    })
  }
}

/** Device and number of the folder. */
export function placeOf(store: string): string {
  try {
    const { dev, ino } = statSync(store, { bigint: true })
    return `${dev}:${ino}`
  } catch (error) {
    throw fromErrno(error, store)
  }
}
