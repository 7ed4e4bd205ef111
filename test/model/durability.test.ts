// Every crash point of the model of log, catalog, blobs and manifest: nothing acknowledged is lost by the rules that the
// code keeps (test/lib/content/ordering.test.ts holds the code to them), and each of them is needed.
import tap from 'tap'
import { explore, rules, type Rule } from './durability-model.js'

tap.setTimeout(300_000)

void tap.test('with all rules nothing is lost at any state', (t) => {
  const { states, crashes, fault } = explore()
  t.comment(`${String(states)} states, ${String(crashes)} crashes`)
  t.equal(fault, undefined)
  t.ok(states > 1000)
  t.end()
})

for (const rule of Object.keys(rules) as Rule[])
  void tap.test(`without this something is lost: ${rule} (${rules[rule]})`, (t) => {
    const { fault } = explore([rule])
    t.ok(fault !== undefined, fault ?? 'nothing was found')
    t.end()
  })
