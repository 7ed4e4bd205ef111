// When a thread whose bytes come by socket looks for dead ones.
import t from 'tap'
import { PassingBytes } from '../../../lib/terms/external-memory.js'

t.test('some megabytes after the last time, and not before', (t) => {
  let collected = 0
  const passing = new PassingBytes(() => { collected++ })
  for (let count = 0; count < 511; count++) passing.came(16_384)
  t.equal(collected, 0)
  passing.came(16_384)
  t.equal(collected, 1)
  for (let count = 0; count < 1024; count++) passing.came(16_384)
  t.equal(collected, 3)
  t.end()
})
