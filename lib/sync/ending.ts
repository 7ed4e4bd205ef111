// What whoever waits for the nodes is told when nobody sends any more.
import { VaultError } from '../terms/errors.js'

/** The vault is unmounted meanwhile. */
export function unmountedMeanwhile(): VaultError {
  return new VaultError('cancelled', 'the vault was unmounted before the nodes had everything', {
    next: "what they lack is only here; mounted again it goes on by itself, and 'vaultfs sync --wait' waits for it",
  })
}

/** `againMs`: until another thread begins. */
export function threadEnded(reason: string, againMs: number): VaultError {
  return new VaultError('io', `the thread that sends to nodes ended before they had everything (${reason})`, {
    next: `it begins again within ${Math.ceil(againMs / 1000)} s: run this again then; 'vaultfs status' says how far the nodes are, and the daemon's log what happened`,
  })
}
