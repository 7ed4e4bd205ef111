// Shows the recovery kit and asks two of its words back, so that it is known to be on paper. The words go to the terminal
// only, and its screen is cleared before they are asked for.

import { randomInt } from 'node:crypto'
import { VaultError } from '../lib/terms/errors.js'
import type { Terminal } from './terminal.js'
import type { RecoveryKit } from './vault-service.js'

const tries = 3
const instead = '--recovery later'

/** Throws 'cancelled' when they do not come back right. */
export async function showAndCheckKit(terminal: Terminal, kit: RecoveryKit): Promise<void> {
  terminal.require(instead)
  terminal.note(kit.text)
  await terminal.line('Write it down. Enter takes it off the screen: ', instead)
  terminal.clear()
  const first = randomInt(kit.words.length)
  const second = (first + 1 + randomInt(kit.words.length - 1)) % kit.words.length
  for (const at of [first, second]) await askBack(terminal, kit.words[at] ?? '', at + 1)
}

async function askBack(terminal: Terminal, word: string, number: number): Promise<void> {
  for (let left = tries; left > 0; left--) {
    const answer = await terminal.line(`Word ${number} of the kit: `, instead)
    if (answer.toLowerCase() === word) return
    if (left > 1) terminal.note('That is not it; look at the paper.')
  }
  throw new VaultError('cancelled', 'the recovery kit was not confirmed', { next: "the vault is usable; 'vaultfs recovery show' shows the kit again" })
}
