// The header as a node gets it: good for the recovery kit and for key files, whose secrets have 256 bits. What a person
// chose could be guessed by whoever runs the node, for as long as he likes, so slots of passphrases stay at home; so does
// the sealed copy of an unconfirmed kit: whoever opens this header has the words. PROTOCOL §7.
import { slotKinds } from '../format/key-slot.js'
import { VaultError } from '../terms/errors.js'
import { sealHeader, type OpenedVault } from './vault-keys.js'

const strong: ReadonlySet<number> = new Set([slotKinds.recovery, slotKinds['key-file']])

/**
 * Of the same generation as the header at home. Throws 'read-only' for a header that is not trusted, and 'unsupported' when
 * nothing but passphrases opens the vault.
 */
export function headerForNodes({ header, page, trusted }: OpenedVault): Uint8Array<ArrayBuffer> {
  if (!trusted) {
    throw new VaultError('read-only', "the vault's header was changed by somebody without its keys: it is not handed on", { next: 'Restore the file "header" from a copy that you trust.' })
  }
  const slots = header.slots.filter(({ kind }) => strong.has(kind))
  if (slots.length === 0) throw new VaultError('unsupported', 'only passphrases open this vault, and those are kept from nodes', { next: 'Add a recovery kit or a key file.' })
  return sealHeader({ ...header, slots, recovery: { state: 'confirmed' } }, page)
}
