// git as its users have it: commits, branches, merges, packing, work trees, clones with hard links, a storm of checkouts,
// two writers at once; `git fsck` and the content of trees say whether anything was lost.
import { join } from 'node:path'
import type { Suite } from '../suite.js'

/** Steps in one repository, in this order; each is a test. $1 is the folder on the mount, $2 one off it. */
const steps: Readonly<Record<string, string>> = {
  'forty commits': `for i in $(seq 40); do
    mkdir -p d$((i%7)); for j in 1 2 3 4 5; do echo "$i $j $RANDOM" >> d$((i%7))/f$j; done
    head -c $((i*3000)) /dev/urandom > bin$((i%5)); ln -sf d$((i%7)) lnk; [ ! -e bin0 ] || chmod +x bin0; git add -A; git commit -qm c$i
  done`,
  'status is clean': '[ -z "$(git status --porcelain)" ]',
  'also without the index\'s cache': 'git update-index --really-refresh -q; [ -z "$(git status --porcelain)" ]',
  'branch': 'git checkout -q -b side HEAD~10; echo x > new; git add -A; git commit -qm new',
  'merge': 'git merge -q -m merged main',
  'fsck': 'git fsck --full --strict',
  'gc': 'git gc -q --aggressive --prune=now; [ -z "$(find .git/objects -type f -path "*/??/*")" ]',
  'fsck after gc': 'git fsck --full --strict',
  'work tree': 'git worktree add -q "$1/tree" main; [ -z "$(git -C "$1/tree" status --porcelain)" ]',
  'clone with hard links': 'git clone -q -l "$1/repo" "$1/clone"; [ "$(find "$1/clone/.git/objects" -name "*.pack" -links 2 | wc -l)" -gt 0 ]; git -C "$1/clone" fsck --full',
  'clone over a pipe': 'git clone -q "file://$1/repo" "$1/clone2"; git -C "$1/clone2" fsck --full',
  'clone off the mount has the same tree': 'rm -rf "$2/off"; git clone -q "$1/repo" "$2/off"; [ "$(git rev-parse "HEAD^{tree}")" = "$(git -C "$2/off" rev-parse "HEAD^{tree}")" ]; rm -rf "$2/off"',
  'push': 'git init -q --bare "$1/bare.git"; git push -q "$1/bare.git" main side; git -C "$1/bare.git" fsck --full',
  'rebase': 'git checkout -q -b rebased main~1; echo y > other; git add other; git commit -qm other; git rebase -q main',
  'stash': 'echo z >> d1/f1; git stash -q; [ -z "$(git status --porcelain)" ]; git stash pop -q; git checkout -q d1/f1',
  'a storm of checkouts': 'for i in 1 5 10 20 30 2 0 39 0; do git checkout -q -f --detach main~$i; [ -z "$(git status --porcelain)" ]; done',
  'two writers exclude each other': 'touch a1 a2; (for i in $(seq 20); do git add a1 2>&1 || :; done) & for i in $(seq 20); do git add a2 2>&1 || :; done; wait; git add a1 a2; git commit -qm both; git fsck --full',
  'clean': 'git clean -fdxq; [ -z "$(git status --porcelain --ignored)" ]',
}

export const git: Suite = {
  name: 'git',
  packages: { git: 'git' },
  needsRoot: false,
  async run(bench) {
    const repository = join(bench.work, 'repo')
    const who = { GIT_AUTHOR_NAME: 'a', GIT_AUTHOR_EMAIL: 'a@b', GIT_COMMITTER_NAME: 'a', GIT_COMMITTER_EMAIL: 'a@b' }
    const settings = { GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_COUNT: '3', GIT_CONFIG_KEY_0: 'core.fsync', GIT_CONFIG_VALUE_0: 'all', GIT_CONFIG_KEY_1: 'gc.auto', GIT_CONFIG_VALUE_1: '0', GIT_CONFIG_KEY_2: 'safe.directory', GIT_CONFIG_VALUE_2: '*' }
    const env = { ...bench.env, ...who, ...settings }
    await bench.check('init', { program: 'git', args: ['init', '-q', '-b', 'main', repository], env })
    for (const [name, script] of Object.entries(steps))
      await bench.check(name, { program: 'bash', args: ['-euc', `cd "$1/repo"; ${script}`, '-', bench.work, bench.logs], env })
  },
}
