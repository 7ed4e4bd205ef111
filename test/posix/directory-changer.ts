// A program for tests: makes and removes names in a directory that others list, until it is killed. Names that it
// makes begin with `passing-`; it says `ready` when it has begun.
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const [folder = '', wanted = '100'] = process.argv.slice(2)
const alive = Number(wanted)
for (let each = 0; ; each++) {
  writeFileSync(join(folder, `passing-${each}`), '')
  if (each >= alive) rmSync(join(folder, `passing-${each - alive}`))
  if (each === alive) process.stdout.write('ready\n')
}
