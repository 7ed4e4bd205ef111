// A laptop is lost, and whoever has it put noise in the place of the node's newest header: with the kit's words and that one
// node everything comes back, every version too, over the real command and a real node. The rest of what `recover` promises is in test/cli/recover.txt and test/lib/vault-recover.test.ts.
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync, existsSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { restoreMountPoint } from '../../bin/mount-point.js'
import { encodeAddress } from '../../lib/wire/pin.js'
import { uploadStore } from '../support/node-upload.js'
import { inviteTo, startTestNode } from '../support/node.js'
import { projectRoot } from '../tidy/source.js'

const cheap = ['--kdf-memory-mib', '64', '--kdf-passes', '1']
const program = join(projectRoot(import.meta.dirname), 'bin/vaultfs')

interface Ran {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** A machine: its own home, and nothing else of others. */
class Machine {
  readonly folder: string

  constructor(top: string, name: string) {
    this.folder = join(top, name)
    mkdirSync(join(this.folder, 'run'), { recursive: true, mode: 0o700 })
  }

  at(name: string): string {
    return join(this.folder, name)
  }

  /** Not synchronous: the node is in this process. */
  run(file: string, args: readonly string[], timeoutMs = 60_000): Promise<Ran> {
    const { PATH = '' } = process.env
    return new Promise((resolve) => {
      execFile(file, args, { cwd: this.folder, env: { PATH, HOME: this.folder, XDG_RUNTIME_DIR: this.at('run') }, timeout: timeoutMs, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
        resolve({ status: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, stdout, stderr })
      })
    })
  }

  async vaultfs(...args: readonly string[]): Promise<Ran> {
    return await this.run(program, args)
  }

  async shell(script: string): Promise<string> {
    const { status, stdout, stderr } = await this.run('bash', ['-euc', script])
    if (status !== 0) throw new Error(`${script}: ${stderr}`)
    return stdout
  }
}

const picture = `cd "$0"; find . -type d -printf '%P %m %T@\\n' | LC_ALL=C sort; find . ! -type d -printf '%P %y %m %n %s %T@ %l\\n' | LC_ALL=C sort; find . -type f -print0 | LC_ALL=C sort -z | xargs -0r sha256sum; getfattr -Rhd -m - -e hex . 2>/dev/null | LC_ALL=C sort; find . -type f -links +1 -printf '%i %P\\n' | LC_ALL=C sort | awk '{ if (!($1 in n)) n[$1] = ++c; print n[$1] }'`

async function pictureOf(machine: Machine, folder: string): Promise<string> {
  const { status, stdout, stderr } = await machine.run('bash', ['-euc', picture, folder])
  if (status !== 0) throw new Error(stderr)
  return stdout
}

t.setTimeout(300_000)
t.test('a lost laptop, a kit and one node', { skip: existsSync('/dev/fuse') ? false : 'no /dev/fuse' }, async (t) => {
  const top = realpathSync(mkdtempSync(join(tmpdir(), 'vaultfs-recover-')))
  const [old, fresh] = [new Machine(top, 'old'), new Machine(top, 'new')]
  t.teardown(async () => {
    for (const machine of [old, fresh]) {
      await machine.vaultfs('unmount', '--lazy', machine.at('Vault'))
      if (existsSync(machine.at('Vault'))) restoreMountPoint(machine.at('Vault'), 0o700)
    }
    rmSync(top, { recursive: true, force: true })
  })
  writeFileSync(old.at('pw'), 'the old one\n')
  writeFileSync(fresh.at('pw'), 'the new one\n')
  const node = await startTestNode(t)

  const store = old.at('store')
  t.match(await old.vaultfs('mount', 'Vault', '--store', store, '--create', '--passphrase-file', 'pw', '--recovery', 'later', ...cheap), { status: 0 })
  await old.shell('cd Vault; mkdir docs docs/deep; echo one > docs/note; head -c 3000000 /dev/urandom > docs/large; ln docs/large twin; setfattr -n user.colour -v red docs/note; ln -s docs/note link; head -c 70000 /dev/urandom > gone; truncate -s 9000000 sparse; chmod 600 docs/deep')
  t.match(await old.vaultfs('snapshot', '--mountpoint', 'Vault', 'first'), { status: 0 })
  await old.shell('cd Vault; echo two > docs/note; rm gone; mv docs/deep moved; printf patch | dd of=docs/large bs=1 seek=1000000 conv=notrunc status=none; truncate -s 1000 sparse')
  t.match(await old.vaultfs('snapshot', '--mountpoint', 'Vault', 'second'), { status: 0 })
  await old.shell('cd Vault; echo three > docs/note; rm twin; echo new > moved/new; truncate -s 2000000 docs/large')
  t.match(await old.vaultfs('sync', 'Vault'), { status: 0 })
  const shown = ['.', '.versions/first', '.versions/second']
  const before = await Promise.all(shown.map((name) => pictureOf(old, join(old.at('Vault'), name))))
  const kit = await old.vaultfs('recovery', 'show', '--store', store, '--passphrase-file', 'pw')
  writeFileSync(fresh.at('kit'), kit.stdout)
  const history = await old.vaultfs('history', 'Vault/docs/note', '--json')
  t.match(await old.vaultfs('unmount', 'Vault'), { status: 0 })
  writeFileSync(old.at('code'), await inviteTo(node))
  t.match(await old.vaultfs('peer', 'add', '--store', store, '--passphrase-file', 'pw', '--code-file', 'code', '--name', 'shelf'), { status: 0 })
  await uploadStore(store, { kind: 'passphrase', passphrase: Buffer.from('the old one') }, { junkHeader: true })
  rmSync(store, { recursive: true })

  const address = encodeAddress(node)
  const recover = ['recover', '--store', fresh.at('store'), '--node', address, '--recovery-file', 'kit', '--new-passphrase-file', 'pw', ...cheap]
  // Broken off wherever it is, twice.
  for (const timeoutMs of [700, 1500]) await fresh.run('timeout', ['-s', 'KILL', `${timeoutMs / 1000}`, program, ...recover])
  const recovered = await fresh.vaultfs(...recover)
  t.match(recovered, { status: 0, stdout: /^recovered: \d+ entries and \d+ published states, from \d+ manifest entries of 1 device\n.*\nmount it: vaultfs mount/, stderr: /^node 127.0.0.1: its header was changed by somebody without the keys: it is not used\nnode 127.0.0.1: .* the one of generation \d is taken .* came with the key of device [0-9a-f]{32},.*\n$/ }, recovered.stderr)
  t.notOk(existsSync(fresh.at('store/recovering')))
  t.equal(statSync(fresh.at('store')).mode & 0o777, 0o700)

  t.match(await fresh.vaultfs('mount', 'Vault', '--store', fresh.at('store'), '--passphrase-file', 'pw'), { status: 0 })
  for (const [index, name] of shown.entries()) t.equal(await pictureOf(fresh, join(fresh.at('Vault'), name)), before[index], name)
  t.same((await fresh.vaultfs('history', 'Vault/docs/note', '--json')).stdout.match(/"moment":"[^"]*"/g), history.stdout.match(/"moment":"[^"]*"/g), 'every version')
  await fresh.shell('cd Vault; echo four > docs/note; truncate -s 70 sparse; mkdir work; echo x > work/x; mv work moved/; cp docs/large again')
  t.match(await fresh.vaultfs('snapshot', '--mountpoint', 'Vault', 'third'), { status: 0 })
  const after = await pictureOf(fresh, fresh.at('Vault'))
  t.match(await fresh.vaultfs('unmount', 'Vault'), { status: 0 })
  t.match(await fresh.vaultfs('verify', '--store', fresh.at('store'), '--passphrase-file', 'pw'), { status: 0, stdout: /^sound/ })
  t.match(await fresh.vaultfs('mount', 'Vault', '--store', fresh.at('store'), '--passphrase-file', 'pw'), { status: 0 })
  t.equal(await pictureOf(fresh, fresh.at('Vault')), after)
  t.equal(await pictureOf(fresh, join(fresh.at('Vault'), '.versions/third')), after)
  t.equal(await pictureOf(fresh, join(fresh.at('Vault'), '.versions/second')), before[2])
  t.match(await fresh.vaultfs('unmount', 'Vault'), { status: 0 })
})
