// A vault with the least memory that there may be: writers wait for room, and everything is read again.
import t from 'tap'
import { memoryLimits, memoryMib } from '../../lib/terms/memory.js'
import { whyNoMounts } from '../native-deps/fuse-fixture.js'
import { mountTestVault } from './mounted-vault.js'

t.test('ten times the memory of writers goes through, written and read by several at once', { skip: whyNoMounts }, async (t) => {
  const vault = await mountTestVault(t, { memory: memoryLimits(memoryMib.min) })
  const checked = await vault.run(`
    dd if=/dev/urandom of=source bs=1M count=8 status=none
    wanted=$(sha256sum < source)
    for copy in 1 2; do dd if=source of=copy$copy bs=1M iflag=nocache status=none & done
    wait
    for copy in 1 2; do
      (dd if=copy$copy iflag=nocache count=0 status=none; [ "$(sha256sum < copy$copy)" = "$wanted" ] && echo same) &
    done
    wait
  `)
  t.equal(checked, 'same\nsame\n')
  await vault.publish()
  t.equal(await vault.run('for copy in 1 2; do dd if=copy$copy iflag=nocache count=0 status=none; cmp source copy$copy && echo same; done'), 'same\nsame\n')
  t.strictSame(vault.logged, [])
})
