// Memory for keys and a process that leaves no core, over the small addon in secure/. Where the addon was not built
// (no compiler) everything still works with `locked: false`, and the caller warns.

import { existsSync, readFileSync } from 'node:fs'
import { builtPath, loadAddon } from './addon.js'

interface SecureAddon {
  lockPages(view: Uint8Array, bytes: number): { readonly offset: number; readonly error: number }
  unlockPages(pages: Uint8Array): void
  pageSize(): number
  hardenProcess(): { readonly dumpable: number; readonly core: number }
}

export interface LockedPages {
  /** Where the pages begin in the shared memory. */
  readonly offset: number
  /** False: the kernel refused (RLIMIT_MEMLOCK) or there is no addon; the pages may be swapped out. */
  readonly locked: boolean
}

let addon: SecureAddon | null | undefined

/**
 * Locks `bytes` (a multiple of 4096) of page-aligned memory inside `shared`, which must be at least one page of the
 * machine longer. Calling it again, from any thread, answers the same offset.
 */
export function lockPages(shared: SharedArrayBuffer, bytes: number): LockedPages {
  const loaded = load()
  // A kernel with pages of 16 or 64 KiB would lock neighbours too; there the keys go unlocked, and that is said.
  if (loaded === null || bytes % loaded.pageSize() !== 0) return { offset: 0, locked: false }
  const { offset, error } = loaded.lockPages(new Uint8Array(shared), bytes)
  return { offset, locked: error === 0 }
}

/** Of pages that lockPages made, after they were wiped: their memory may be used for anything again. */
export function unlockPages(pages: Uint8Array): void {
  const loaded = load()
  if (loaded !== null && pages.byteLength % loaded.pageSize() === 0) loaded.unlockPages(pages)
}

/** No core file, no ptrace by others of the same user, no readable /proc/PID/mem. Answers whether the kernel agreed. */
export function hardenProcess(): boolean {
  const loaded = load()
  if (loaded === null) return false
  const { dumpable, core } = loaded.hardenProcess()
  return dumpable === 0 && core === 0
}

/** Swap areas that are not zram and not on an encrypted device, as far as /proc and /sys tell; for a warning. */
export function unencryptedSwap(): readonly string[] {
  const lines = readText('/proc/swaps').split('\n').slice(1)
  const areas = lines.map((line) => line.split(/\s+/)[0] ?? '').filter((area) => area !== '')
  return areas.filter((area) => {
    const device = area.split('/').at(-1) ?? ''
    if (device.startsWith('zram')) return false
    // device-mapper names its target's owner in the uuid: CRYPT-PLAIN-…, CRYPT-LUKS2-….
    return !readText(`/sys/class/block/${device}/dm/uuid`).startsWith('CRYPT-')
  })
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    // Not there means not known: for /proc/swaps no swap, for dm/uuid not a mapped device.
    return ''
  }
}

function load(): SecureAddon | null {
  if (addon !== undefined) return addon
  addon = existsSync(builtPath('secure', 'secure.node')) ? (loadAddon('secure') as SecureAddon) : null
  return addon
}
