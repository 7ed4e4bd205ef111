// inotify for what programs on this machine do: each step has to be told of by exactly these events (two equal ones in a
// row merge), also in subfolders, and by a watch that was there before.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Bench, Suite } from '../suite.js'

interface Step {
  readonly script: string
  /** `EVENTS name`, in this order. */
  readonly events: readonly string[]
}

const steps: Readonly<Record<string, Step>> = {
  'a file made': { script: ': > f', events: ['CREATE f', 'OPEN f', 'CLOSE_WRITE,CLOSE f'] },
  'written': { script: 'echo x 1<> f', events: ['OPEN f', 'MODIFY f', 'CLOSE_WRITE,CLOSE f'] },
  'appended': { script: 'echo x >> f', events: ['OPEN f', 'MODIFY f', 'CLOSE_WRITE,CLOSE f'] },
  'read': { script: 'cat f', events: ['OPEN f', 'ACCESS f', 'CLOSE_NOWRITE,CLOSE f'] },
  'emptied by opening': { script: ': > f', events: ['OPEN f', 'MODIFY f', 'CLOSE_WRITE,CLOSE f'] },
  'written again': { script: 'echo y > f', events: ['OPEN f', 'MODIFY f', 'CLOSE_WRITE,CLOSE f'] },
  'cut': { script: 'truncate -s 1 f', events: ['OPEN f', 'MODIFY f', 'CLOSE_WRITE,CLOSE f'] },
  'mode': { script: 'chmod 600 f', events: ['ATTRIB f'] },
  'time': { script: 'touch -c -d @7 f', events: ['ATTRIB f'] },
  'xattr': { script: 'setfattr -n user.a -v b f', events: ['ATTRIB f'] },
  'renamed': { script: 'mv f g', events: ['MOVED_FROM f', 'MOVED_TO g'] },
  'linked': { script: 'ln g h', events: ['CREATE h'] },
  'symlink': { script: 'ln -s g s', events: ['CREATE s'] },
  'replaced by rename': { script: 'mv -f s h', events: ['MOVED_FROM s', 'MOVED_TO h'] },
  'folder made': { script: 'mkdir d', events: ['CREATE,ISDIR d'] },
  'folder renamed': { script: 'mv d e', events: ['MOVED_FROM,ISDIR d', 'MOVED_TO,ISDIR e'] },
  'moved away': { script: 'mv g e/g', events: ['MOVED_FROM g'] },
  'folder removed': { script: 'rm e/g; rmdir e', events: ['DELETE,ISDIR e'] },
  'removed': { script: 'rm h', events: ['DELETE h'] },
}

export const inotify: Suite = {
  name: 'inotify',
  packages: { inotifywait: 'inotify-tools', setfattr: 'attr' },
  needsRoot: false,
  async run(bench) {
    const folder = join(bench.work, 'watched')
    await bench.execute('make-folder', { program: 'mkdir', args: [folder] })
    for (const [name, step] of Object.entries(steps)) await takeStep(bench, folder, name, step)
    await bench.check('a folder watched recursively, changed two levels down', {
      program: 'bash', args: ['-euc', deep, '-', bench.work], timeoutMs: 60_000,
    })
  },
}

const deep = `mkdir -p "$1/deep/a/b"; exec 3< <(exec inotifywait -q -r -m -e close_write --format '%w%f' "$1/deep"); sleep 1
echo x > "$1/deep/a/b/file"; read -r -t 20 seen <&3; pkill -P $$ inotifywait || true; [ "$seen" = "$1/deep/a/b/file" ]`

async function takeStep(bench: Bench, folder: string, name: string, { script, events }: Step): Promise<void> {
  bench.at(name)
  const log = join(bench.logs, `${name.replaceAll(' ', '-')}.events`)
  const [output, notes] = [openSync(log, 'w'), openSync(`${log}.notes`, 'w')]
  const watcher = spawn('inotifywait', ['-m', '--format', '%e %f', folder], { stdio: ['ignore', output, notes], cwd: '/' })
  for (const fd of [output, notes]) closeSync(fd)
  await until(async () => (await readFile(`${log}.notes`, 'utf8')).includes('Watches established'))
  await bench.execute(`${name}-script`, { program: 'bash', args: ['-euc', `cd "$1"; ${script}`, '-', folder] })
  // The marker is the last thing that happens: all that came before it has been told of by then.
  await bench.execute('marker', { program: 'bash', args: ['-c', 'mkdir "$1/.end" && rmdir "$1/.end"', '-', folder] })
  const told = async (): Promise<string[]> => (await readFile(log, 'utf8')).split('\n').filter((line) => line !== '')
  await until(async () => (await told()).some((line) => line === 'DELETE,ISDIR .end'))
  watcher.kill('SIGTERM')
  await once(watcher, 'exit')
  // The shell's cd opens the folder; that is not what the step is about.
  const seen = (await told()).filter((line) => !/ISDIR (\.end)?$/.test(line))
  const merged = seen.filter((line, at) => line !== seen[at - 1])
  if (merged.join('\n') === events.join('\n')) bench.passed(name)
  else bench.failed(name, `told of ${merged.join(', ')} instead of ${events.join(', ')}`)
}

/** Up to 20 s: a kernel that tells nothing is a failure, not a wait. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  const lateMs = performance.now() + 20_000
  while (!(await holds())) {
    if (performance.now() > lateMs) return
    await setTimeout(20)
  }
}
