// A damaged vault always opens, or says what to do, and that works; and nothing that is read from it is anything but what
// was written. A sample of all damages, from a seed; `npm run test:flips` tries many more.
import t from 'tap'
import { Random } from '../../model/random.js'
import { cuts, exchanges, flips, knownPlaces, removals, rollbacks } from './damages.js'
import { tryDamage, type Damage } from './trial.js'
import { wholeStore } from './whole-store.js'

t.setTimeout(3_600_000)

const seed = Number(process.env['SEED'] ?? 1)
/** Of all damages only those that are called so. */
const only = new RegExp(process.env['ONLY'] ?? '')
/** Places of each file; 0: a few of all damages. */
const perFile = Number(process.env['FLIPS'] ?? 0)

t.test(`damages of seed ${seed}`, async (t) => {
  const random = new Random(seed)
  const whole = await wholeStore()
  t.teardown(() => { whole.remove() })
  const others = [...knownPlaces(), ...cuts(whole), ...removals(whole), ...exchanges(whole), ...rollbacks(whole)]
  const damages = perFile > 0 ? [...others, ...flips(whole, perFile, random)] : sample(others, flips(whole, 2, random), random)
  const tally: Record<string, number> = {}
  for (const damage of damages.filter(({ what }) => only.test(what))) {
    try {
      const { state, code, followed } = await tryDamage(whole, damage, perFile > 0)
      const outcome = [state, code, followed].filter((word) => word !== undefined).join(', ')
      tally[outcome] = (tally[outcome] ?? 0) + 1
      if (perFile > 0) t.comment(`${damage.what}: ${outcome}`)
    } catch (error) {
      t.fail(`${damage.what}: ${error instanceof Error ? error.stack ?? error.message : String(error)}`)
    }
  }
  for (const [outcome, count] of Object.entries(tally)) t.comment(`${count} × ${outcome}`)
  t.ok(Object.keys(tally).length > 0, 'something was tried')
})

/** All old copies and known places, and some of each other kind. */
function sample(others: readonly Damage[], flipped: readonly Damage[], random: Random): Damage[] {
  const known = new Set(knownPlaces().map(({ what }) => what))
  const isOld = ({ what }: Damage): boolean => what.startsWith('an old') || known.has(what)
  const rest = [...others.filter((damage) => !isOld(damage)), ...flipped]
  const chosen = Array.from({ length: 18 }, () => rest[random.below(rest.length)]).filter((damage) => damage !== undefined)
  return [...others.filter(isOld), ...new Set(chosen)]
}
