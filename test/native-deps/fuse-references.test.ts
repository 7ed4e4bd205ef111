// The count of the kernel's references, through tables that grow and shrink.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import t from 'tap'
import { mountTree, until, whyNoMounts } from './fuse-fixture.js'

/** Past two sizes of the table, so that it grows at least three times and shrinks as often. */
const files = 6000
const heldEvery = 100

t.test('what the kernel still holds is found after thousands of others were forgotten', { skip: whyNoMounts }, async (t) => {
  const { folder, mount } = await mountTree(t)
  // It makes the files, keeps some open, removes the others, tells the numbers of both, and waits for its input's end.
  const holder = spawn('python3', ['-c', `
import json, os, sys
folder, files, every = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
held, gone, kept = [], [], []
for number in range(files):
    fd = os.open('%s/%d' % (folder, number), os.O_CREAT | os.O_RDWR)
    (held if number % every == 0 else gone).append(os.fstat(fd).st_ino)
    if number % every == 0: kept.append(fd)
    else: os.close(fd)
for number in range(files):
    if number % every != 0: os.unlink('%s/%d' % (folder, number))
print(json.dumps([held, gone]), flush=True)
sys.stdin.read()
`, folder, String(files), String(heldEvery)], { stdio: ['pipe', 'pipe', 'inherit'] })
  let said = ''
  holder.stdout.setEncoding('utf8').on('data', (text: string) => { said += text })
  await until(() => said.endsWith('\n'))
  const [held, gone] = JSON.parse(said) as [number[], number[]]
  t.equal(held.length + gone.length, files)
  await until(() => gone.every((ino) => !mount.watchForget(ino)))
  t.strictSame(held.filter((ino) => !mount.watchForget(ino)), [], 'those that are open are held')
  holder.stdin.end()
  await once(holder, 'exit')
})
