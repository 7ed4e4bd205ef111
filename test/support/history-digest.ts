// The past in words, for comparing two of them: of some kept states the whole tree, with each version's number, record
// and content.
import type { HistoryPort, PastDirent } from '../../lib/store/history-port.js'
import { hex } from '../../lib/terms/bytes.js'
import { modeType, rootIno } from '../../lib/tree/entry.js'
import { sha256 } from '../../native-deps/sodium.js'

const everything = { withinSec: 1e9, hourly: 0, daily: 0, weekly: 0, monthly: 0, offsetMin: 0 }

/** Of at most `states` of the states up to `through` (the newest), evenly chosen. */
export async function historyDigest(history: HistoryPort, states: number, through = Infinity): Promise<string[]> {
  const kept = (await history.retained(everything)).filter(({ position }) => position <= through)
  const step = Math.max(1, Math.ceil(kept.length / states))
  const lines: string[] = []
  for (let index = 0; index < kept.length; index += step) {
    const state = kept[index]
    if (state === undefined) continue
    lines.push(`state ${String(state.position)} ${String(state.sec)} [${state.names.join()}]`)
    await digestFolder(history, state.position, rootIno, '', lines)
  }
  return lines
}

async function digestFolder(history: HistoryPort, position: number, ino: number, path: string, lines: string[]): Promise<void> {
  let after = 0
  for (;;) {
    const batch: readonly PastDirent[] = await history.list(position, ino, after, 100)
    if (batch.length === 0) return
    for (const { name, cookie, entry } of batch) {
      after = cookie
      const record = Buffer.from(entry.attributes)
      const short = (bytes: Uint8Array | null): string => (bytes === null ? '-' : hex(sha256(bytes).subarray(0, 6)))
      // Blocks and access times are not versioned.
      record.fill(0, 45, 65)
      lines.push(`${path}/${name} ${String(cookie)} ${String(entry.ino)} v${String(entry.version)} ${short(record)} ${short(entry.xattrs)} ${short(entry.content)}`)
      if ((record.readUInt32LE(17) & modeType.mask) === modeType.directory) await digestFolder(history, position, entry.ino, `${path}/${name}`, lines)
    }
  }
}
