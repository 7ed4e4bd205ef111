// Against a model of one mark for each byte.
import t from 'tap'
import { ReservedRanges } from '../../../lib/content/reserved-ranges.js'
import { numbers } from '../../support/random-bytes.js'

t.test('ranges come, join and go', (t) => {
  const random = numbers(11)
  const reserved = new ReservedRanges()
  const model = new Uint8Array(200)
  for (let step = 0; step < 3000; step++) {
    const start = Math.floor(random() * 200)
    const end = Math.min(200, start + Math.floor(random() * 40))
    if (random() < 0.5) {
      reserved.add(start, end)
      model.fill(1, start, end)
    } else {
      reserved.remove(start, end)
      model.fill(0, start, end)
    }
    const wanted = model.reduce((sum, mark) => sum + mark, 0)
    if (reserved.bytes !== wanted) t.equal(reserved.bytes, wanted, `step ${String(step)}`)
  }
  reserved.remove(0, Infinity)
  t.equal(reserved.bytes, 0)
  for (let each = 0; each < 100; each++) reserved.add(each * 10, each * 10 + 1)
  t.ok(reserved.bytes >= 100 && reserved.bytes <= 991, 'many are joined')
  t.end()
})
