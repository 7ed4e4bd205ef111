// A filled key page without a vault around it, from a seed.

import { installEpoch, installIdRoot, installMaster } from '../../lib/crypto/derivation.js'
import { KeyPage } from '../../lib/crypto/key-page.js'
import { randomBytes } from './random-bytes.js'

export function testPage(seed: number, epochs = 1): KeyPage {
  const page = KeyPage.create()
  installMaster(page, randomBytes(seed, 32))
  installIdRoot(page, randomBytes(seed + 1, 32))
  for (let epoch = 1; epoch <= epochs; epoch += 1) installEpoch(page, epoch, randomBytes(seed + 1 + epoch, 32))
  return page
}
