// Every manifest entry ends a moment that can be looked at later: what was in sight in the one before it, and still has a
// name in the tree, must be in sight in it; and a folder is never known without being in sight.
import { hex } from '../../lib/terms/bytes.js'
import { isDirectory, rootIno } from '../../lib/tree/entry.js'
import { decodeAttributes } from '../../lib/tree/entry-codec.js'
import type { ManifestFold } from './manifest-fold.js'
import type { PublishingWorld } from './publishing-world.js'

export class MomentsInSight {
  readonly fold: ManifestFold
  /** What was lost, in words. */
  readonly lost: string[] = []
  readonly #world: PublishingWorld
  /** Numbers by id, of all that was ever told. */
  readonly #numbers = new Map<string, number>()
  #before = new Set<string>()

  /** Folds what the world's manifest says already, and all that it will say. */
  constructor(world: PublishingWorld, fold: ManifestFold) {
    this.#world = world
    this.fold = fold
    for (const operations of world.manifest) this.#take(operations, false)
    world.told = (operations) => { this.#take(operations, true) }
  }

  #take(operations: Parameters<ManifestFold['fold']>[0], look: boolean): void {
    for (const operation of operations) if (operation.kind === 'create') this.#numbers.set(hex(operation.id), operation.ino)
    this.fold.fold(operations)
    const root = [...this.#numbers].find(([, ino]) => ino === rootIno)?.[0] ?? ''
    const now = this.fold.below(root)
    if (look) {
      for (const id of this.#before) if (!now.has(id) && this.#isNamed(id)) this.#lose(`${id} is out of sight`)
      for (const [id, { attributes }] of this.fold.entries) {
        if (!now.has(id) && isDirectory(decodeAttributes(Buffer.from(attributes), 0, 0).entry) && this.#isNamed(id)) this.#lose(`folder ${id} is known and not in sight`)
      }
    }
    this.#before = now
  }

  #isNamed(id: string): boolean {
    return (this.#world.tree.get(this.#numbers.get(id) ?? 0)?.nlink ?? 0) > 0
  }

  #lose(what: string): void {
    this.lost.push(`after manifest entry ${String(this.#world.manifest.length)}: ${what}`)
  }
}
