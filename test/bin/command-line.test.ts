// What becomes of words before yargs sees them.
import tap from 'tap'
import { gathered } from '../../bin/command-line.js'

tap.test('an option that may be given more than once keeps all that was given', (t) => {
  const cases: readonly (readonly [string, string])[] = [
    ['verify --repair --from a --from b --json', 'verify --repair --from a b --json'],
    ['verify --from a b --from=c --from d', 'verify --from a c d b'],
    ['verify --from --json --from a', 'verify --from a --json'],
    ['verify --store a --store b --from', 'verify --store a --store b --from'],
    ['node init --advertise a:1 --name x --advertise [::1]:2', 'node init --advertise a:1 [::1]:2 --name x'],
    ['recover --node a:1#x --store s --node b:2#y', 'recover --node a:1#x b:2#y --store s'],
    ['', ''],
  ]
  for (const [given, gained] of cases) t.equal(gathered(given.split(' ')).join(' '), gained)
  t.end()
})
