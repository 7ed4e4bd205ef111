// What the node says that it holds, signed, and proofs of it. PROTOCOL §5, §6, §9.
import type { BlobId } from '../terms/bytes.js'
import { concatBytes, hex } from '../terms/bytes.js'
import type { Clock } from '../terms/clock.js'
import { VaultError } from '../terms/errors.js'
import { blobIdBytes, decodeIds, getIdsMax } from '../wire/blob-frames.js'
import { encodeHeadList, encodeInventoryPage, inventoryPageMax, inventoryRowBytes } from '../wire/signed-lists.js'
import { numberOf, type Asked, type Handler } from './answers.js'
import { counted, type ByteBudget } from './byte-budget.js'
import type { CheckerCalls } from './checker.js'
import type { NodeKeys } from './node-keys.js'
import type { ThreadLink } from './thread-link.js'

export interface ListSetup {
  readonly keys: NodeKeys
  readonly clock: Clock
  readonly checker: ThreadLink<CheckerCalls>
  readonly answers: ByteBudget
}

export function listHandlers({ keys, clock, checker, answers }: ListSetup): Readonly<Record<'inventory' | 'heads' | 'challenge', Handler>> {
  return {
    inventory: async (asked) => {
      const after = afterOf(asked)
      const limit = Math.max(1, numberOf(asked, 'limit', inventoryPageMax, inventoryPageMax))
      const { vaultId, storage } = asked.vault
      const page = async (): Promise<Uint8Array> => encodeInventoryPage({ vaultId, sec: clock.now().sec, after, ...await storage.inventory(after, limit) }, keys.signSecretKey)
      return { status: 200, body: counted(answers, hex(vaultId), limit * inventoryRowBytes, page) }
    },
    heads: async (asked) => {
      const heads = await asked.vault.storage.heads()
      return { status: 200, body: encodeHeadList({ vaultId: asked.vault.vaultId, sec: clock.now().sec, heads }, keys.signSecretKey) }
    },
    challenge: async (asked) => {
      const body = await asked.body()
      const nonce = body.slice(0, blobIdBytes)
      if (nonce.byteLength < blobIdBytes) throw new VaultError('invalid', 'a challenge begins with a nonce of 32 bytes')
      const ids = decodeIds(body.slice(blobIdBytes), getIdsMax)
      return { status: 200, body: proofs(asked, ids, (blob) => checker.call('challenge', nonce, blob), answers) }
    },
  }
}

const noProof = new Uint8Array(33)

async function* proofs(asked: Asked, ids: readonly BlobId[], prove: (blob: Uint8Array) => Promise<Uint8Array>, answers: ByteBudget): AsyncGenerator<Uint8Array> {
  const { storage } = asked.vault
  const lengths = await storage.lengths(ids)
  for (const [index, id] of ids.entries()) {
    const length = lengths[index]
    const release = await answers.take(hex(asked.vault.vaultId), length ?? 0)
    try {
      yield length === undefined ? noProof : concatBytes(Uint8Array.of(1), await prove(await storage.read(id)))
    } catch (error) {
      if (!(error instanceof VaultError) || (error.code !== 'not-found' && error.code !== 'corrupt')) throw error
      yield noProof
    } finally {
      release()
    }
  }
}

function afterOf(asked: Asked): Uint8Array {
  const text = asked.query.get('after')
  if (text === null) return new Uint8Array(blobIdBytes)
  if (!/^[0-9a-f]{64}$/.test(text)) throw new VaultError('invalid', 'after: an id of 64 lower-case hexadecimal digits was expected')
  return new Uint8Array(Buffer.from(text, 'hex'))
}
