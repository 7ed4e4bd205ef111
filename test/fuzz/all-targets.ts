// Every decoder of the product that is fuzzed.
import { blobTargets } from './targets/blob-targets.js'
import { contentTargets } from './targets/content-targets.js'
import { controlTargets } from './targets/control-targets.js'
import { foldTargets } from './targets/fold-target.js'
import { kernelTargets } from './targets/kernel-target.js'
import { logTargets } from './targets/log-targets.js'
import { manifestTargets } from './targets/manifest-targets.js'
import { storeTargets } from './targets/store-targets.js'
import { textTargets } from './targets/text-targets.js'
import { vaultTargets } from './targets/vault-targets.js'
import { wireTargets } from './targets/wire-targets.js'
import type { Target } from './target.js'

export const targets: readonly Target[] = [
  ...vaultTargets, ...blobTargets, ...contentTargets, ...manifestTargets, ...foldTargets, ...storeTargets, ...logTargets, ...kernelTargets, ...controlTargets, ...textTargets, ...wireTargets,
]

export function targetOf(name: string): Target {
  const found = targets.find((target) => target.name === name)
  if (found === undefined) throw new Error(`no target ${name}: ${targets.map((target) => target.name).join(', ')}`)
  return found
}
