// Random trees, named now and then, restored exactly to any of the names: each time all of it is as it was, nothing that
// was there just before is lost, and a vault opened after a kill says the same. RESTORE_SEED repeats one run.

import { rmSync } from 'node:fs'
import t, { type Test } from 'tap'
import { modeType } from '../../lib/tree/entry.js'
import { request, TestVault } from '../support/open-vault.js'
import { done, Hand } from '../support/vault-hand.js'
import { Random } from './random.js'

t.setTimeout(600_000)

const steps = 60
const names = ['a', 'b', 'c', 'd', '\xff', 'x'.repeat(255)]

class Mess {
  readonly hand: Hand
  readonly random: Random

  constructor(hand: Hand, random: Random) {
    this.hand = hand
    this.random = random
  }

  paths(which: 'file' | 'folder'): string[] {
    const found: string[] = which === 'folder' ? [''] : []
    const look = (folder: string): void => {
      for (const name of this.hand.names(folder)) {
        const path = folder === '' ? name : `${folder}/${name}`
        const isFolder = ((this.hand.at(path)?.mode ?? 0) & modeType.mask) === modeType.directory
        if (isFolder === (which === 'folder')) found.push(path)
        if (isFolder) look(path)
      }
    }
    look('')
    return found
  }

  free(): string | undefined {
    const folder = this.random.pick(this.paths('folder'))
    const name = this.random.pick(names)
    const path = folder === '' ? name : `${folder}/${name}`
    return this.hand.at(path) === undefined ? path : undefined
  }

  async step(): Promise<void> {
    const { hand, random } = this
    const files = this.paths('file')
    const folders = this.paths('folder').filter((path) => path !== '')
    const regular = files.filter((path) => ((hand.at(path)?.mode ?? 0) & modeType.mask) === modeType.file)
    const free = this.free()
    const draw = random.next()
    if (draw < 0.25 && free !== undefined) await hand.write(free, random.bytes(random.pick([0, 10, 3000, 70_000])))
    else if (draw < 0.4 && regular.length > 0) await hand.write(random.pick(regular), random.bytes(random.pick([0, 20, 5000])))
    else if (draw < 0.5 && free !== undefined) await hand.mkdir(free, random.pick([0o755, 0o700]))
    else if (draw < 0.58 && files.length > 0 && free !== undefined) await hand.link(random.pick(files), free)
    else if (draw < 0.68 && files.length > 0 && free !== undefined) await hand.rename(random.pick(files), free)
    else if (draw < 0.74 && files.length > 1) await hand.rename(random.pick(files), random.pick(files))
    else if (draw < 0.8 && folders.length > 0 && free !== undefined) await this.move(random.pick(folders), free)
    else if (draw < 0.9 && files.length > 0) await hand.remove(random.pick(files))
    else if (draw < 0.94 && folders.length > 0) await hand.remove(random.pick(folders))
    else if (draw < 0.97 && files.length > 0) done(await hand.operations.setattr(hand.ino(random.pick(files)), { mode: random.pick([0o600, 0o4755]) }, request))
    else if (free !== undefined) done(await hand.operations.symlink(hand.ino(free.split('/').slice(0, -1).join('/')), free.split('/').at(-1) ?? '', Buffer.from('to'), request))
  }

  async move(from: string, to: string): Promise<void> {
    if (!`${to}/`.startsWith(`${from}/`)) await this.hand.rename(from, to)
  }
}

async function run(t: Test, seed: number): Promise<void> {
  const hand = await Hand.open()
  const random = new Random(seed)
  const mess = new Mess(hand, random)
  const kept = new Map<string, Record<string, string>>()
  const keep = async (): Promise<string> => {
    const name = `s${kept.size}`
    await hand.snapshot(name)
    kept.set(name, await hand.picture(''))
    return name
  }
  for (let round = 0; round < 5; round++) {
    for (let step = 0; step < steps; step++) await mess.step()
    if (round < 3) await keep()
    const goal = random.pick([...kept.keys()])
    const before = await keep()
    const preview = await hand.kinds('', goal, { exact: true, preview: true })
    t.strictSame(await hand.picture(''), kept.get(before), 'a preview changes nothing')
    t.strictSame(await hand.kinds('', goal, { exact: true }), preview, 'it does what it said')
    t.strictSame(await hand.picture(''), kept.get(goal), `seed ${seed}, round ${round}: as at ${goal}`)
    t.strictSame(await hand.kinds('', goal, { exact: true, preview: true }), [], 'nothing is left to do')
    if (random.chance(0.5)) {
      await hand.restore('', before, { exact: true })
      t.strictSame(await hand.picture(''), kept.get(before), `seed ${seed}, round ${round}: and back`)
    }
  }
  const last = await hand.picture('')
  await hand.test.settle()
  const store = await hand.test.crashImage()
  const again = new Hand(await TestVault.open({ store, clock: hand.test.clock }))
  t.strictSame(await again.picture(''), last, `seed ${seed}: after a kill`)
  for (const name of kept.keys()) {
    await again.restore('', name, { exact: true })
    t.strictSame(await again.picture(''), kept.get(name), `seed ${seed}: ${name} from what was published`)
  }
  await again.test.close()
  rmSync(store, { recursive: true })
  await hand.test.remove()
}

const asked = process.env['RESTORE_SEED']
for (const seed of asked === undefined ? [1, 2, 3] : [Number(asked)]) t.test(`seed ${seed}`, (t) => run(t, seed))
