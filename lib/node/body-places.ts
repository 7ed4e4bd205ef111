// Memory for what clients send: small bodies have their own, large ones wait for one of a few places of shared memory that
// are used again and again, so that no number of clients makes the node grow. No vault has all of them.
import { VaultError } from '../terms/errors.js'
import { routes } from '../wire/routes.js'
import { nodeLimits } from './node-limits.js'

export interface BodyPlace {
  readonly memory: Uint8Array
  /** May be called twice; what lay there is anybody's from then on. */
  release(): void
}

interface Waiting {
  readonly vault: string
  readonly resolve: (place: BodyPlace) => void
}

const placeBytes = Math.max(...Object.values(routes).map(({ bytesMax }) => bytesMax))

export class BodyPlaces {
  readonly #free: Uint8Array[] = []
  readonly #held = new Map<string, number>()
  #made = 0
  #waiting: Waiting[] = []

  /** Rejects 'busy' when no place came free in time. */
  async take(vault: string, bytes: number): Promise<BodyPlace> {
    if (bytes <= nodeLimits.smallBodyBytesMax) return { memory: new Uint8Array(bytes), release: () => undefined }
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        vault,
        resolve: (place) => {
          clearTimeout(timer)
          resolve(place)
        },
      }
      const timer = setTimeout(() => {
        this.#waiting = this.#waiting.filter((one) => one !== waiting)
        reject(new VaultError('busy', 'too many large bodies at once', { next: 'try again in a while' }))
      }, nodeLimits.placeWaitMs)
      this.#waiting.push(waiting)
      this.#serve()
    })
  }

  #serve(): void {
    for (const waiting of [...this.#waiting]) {
      const held = this.#held.get(waiting.vault) ?? 0
      if (held >= nodeLimits.bodyPlacesPerVault) continue
      const memory = this.#free.pop() ?? this.#make()
      if (memory === undefined) return
      this.#waiting = this.#waiting.filter((one) => one !== waiting)
      this.#held.set(waiting.vault, held + 1)
      waiting.resolve({ memory, release: this.#releaseOnce(waiting.vault, memory) })
    }
  }

  #make(): Uint8Array | undefined {
    if (this.#made === nodeLimits.bodyPlaces) return undefined
    this.#made++
    return new Uint8Array(new SharedArrayBuffer(placeBytes))
  }

  #releaseOnce(vault: string, memory: Uint8Array): () => void {
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      const left = (this.#held.get(vault) ?? 1) - 1
      if (left > 0) this.#held.set(vault, left)
      else this.#held.delete(vault)
      this.#free.push(memory)
      this.#serve()
    }
  }
}
