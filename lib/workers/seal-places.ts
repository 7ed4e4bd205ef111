// Where each sealed extent goes: none lies across two slots, which are apart in memory.
import { extentOverheadBytes } from '../format/log-record.js'
import { VaultError } from '../terms/errors.js'
import { limits } from '../terms/limits.js'
import { sealFields } from './reader-role.js'

export interface ExtentToSeal {
  readonly ino: number
  readonly offset: number
  /** In the arena. */
  readonly position: number
  readonly length: number
}

export interface Placement {
  readonly slots: number
  /** With the slots' byte positions: the places, and the fields of a seal job. */
  place(slots: readonly number[]): { readonly places: readonly number[]; readonly fields: Float64Array }
}

export function placeExtents(extents: readonly ExtentToSeal[], slotBytes: number): Placement {
  const inSlots: { slot: number; at: number }[] = []
  let slot = 0
  let at = 0
  for (const { length } of extents) {
    if (length > limits.extentBytesMax) throw new VaultError('too-large', `an extent of ${length} bytes (at most ${limits.extentBytesMax})`)
    const sealedBytes = length + extentOverheadBytes
    if (at + sealedBytes > slotBytes) {
      slot++
      at = 0
    }
    inSlots.push({ slot, at })
    at += sealedBytes
  }
  return {
    slots: extents.length === 0 ? 0 : slot + 1,
    place: (slots) => {
      const places = inSlots.map((each) => (slots[each.slot] ?? 0) + each.at)
      const fields = new Float64Array(extents.length * sealFields)
      extents.forEach(({ ino, offset, position, length }, index) => {
        fields.set([ino, offset, position, length, places[index] ?? 0], index * sealFields)
      })
      return { places, fields }
    },
  }
}
