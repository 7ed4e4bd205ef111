// npm's install script: compiles every native-deps/*/binding.gyp with npm's own node-gyp. Plain JavaScript, because
// it runs before TypeScript is there and on whatever Node the machine has. Says nothing when all is well.
// Everything is Node-API, so one build serves every Node; a build is skipped when it is newer than its sources.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const root = dirname(here)

function onPath(program) {
  return (process.env.PATH ?? '').split(':').some((folder) => folder !== '' && existsSync(join(folder, program)))
}

/** What a bare machine lacks: Debian package by what it is needed for. */
function lacking() {
  const compilers = [process.env.CXX, 'c++', 'g++', 'clang++'].filter((name) => name !== undefined && name !== '')
  const build = []
  if (!compilers.some((name) => name.includes('/') ? existsSync(name) : onPath(name.split(' ')[0]))) build.push('g++')
  if (!onPath('make') && !onPath('gmake')) build.push('make')
  if (!onPath('python3') && process.env.npm_config_python === undefined) build.push('python3')
  const mount = onPath('fusermount3') || onPath('fusermount') ? [] : ['fuse3']
  return { build, mount }
}

function findNodeGyp() {
  const given = process.env.npm_config_node_gyp
  if (given !== undefined && existsSync(given)) return given
  const starts = [process.env.npm_execpath, dirname(process.execPath), ...(process.env.PATH ?? '').split(':')]
  for (const start of starts) {
    if (start === undefined || start === '') continue
    const npm = [start, join(start, 'npm')].find((path) => existsSync(path) && statSync(path).isFile())
    const folders = npm === undefined ? [] : [dirname(dirname(realpathSync(npm)))]
    folders.push(join(start, '../lib/node_modules/npm'))
    for (const folder of folders) {
      const program = join(folder, 'node_modules/node-gyp/bin/node-gyp.js')
      if (existsSync(program)) return program
    }
  }
  return undefined
}

/** Headers that are here already; without any node-gyp fetches them. */
function headers() {
  const folders = [join(root, 'node_modules', `node-linux-${process.arch}`), dirname(dirname(process.execPath))]
  const found = folders.find((folder) => existsSync(join(folder, 'include/node/node_api.h')))
  return found === undefined ? [] : [`--nodedir=${found}`]
}

function sources(folder) {
  return readdirSync(folder).filter((name) => /\.(c|cc|h|gyp|gypi)$/.test(name)).map((name) => join(folder, name))
}

/** The stamp names architecture and sources; it is written last, so a build that was cut off is done again. */
function isFresh(folder) {
  const stamp = join(folder, 'build/stamp')
  if (!existsSync(stamp)) return false
  const built = statSync(stamp).mtimeMs
  const files = sources(folder)
  return readFileSync(stamp, 'utf8') === stampText(files) && files.every((file) => statSync(file).mtimeMs <= built)
}

function stampText(files) {
  return [process.platform, process.arch, ...files.map((file) => file.slice(root.length)).sort()].join('\n')
}

function compile(nodeGyp, folder) {
  const args = [nodeGyp, 'configure', 'build', '--loglevel=error', '-j', String(availableParallelism()), ...headers()]
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], env: process.env })
    const output = []
    child.stdout.on('data', (bytes) => output.push(bytes))
    child.stderr.on('data', (bytes) => output.push(bytes))
    child.on('error', (error) => resolve(String(error)))
    child.on('close', (code) => {
      if (code !== 0) return resolve(Buffer.concat(output).toString())
      mkdirSync(join(folder, 'build'), { recursive: true })
      writeFileSync(join(folder, 'build/stamp'), stampText(sources(folder)))
      resolve(undefined)
    })
  })
}

async function main() {
  if (process.platform !== 'linux') return 0
  const folders = readdirSync(here).map((name) => join(here, name)).filter((folder) => existsSync(join(folder, 'binding.gyp')))
  const stale = folders.filter((folder) => !isFresh(folder))
  const { build, mount } = lacking()
  if (stale.length > 0 && build.length > 0) {
    console.error(`VaultFS needs ${build.join(', ')} to be built. Run:\n  sudo apt-get install -y ${[...build, ...mount].join(' ')}`)
    return 1
  }
  if (mount.length > 0) {
    console.error('VaultFS needs fusermount3 for mounts by an ordinary user. Run:\n  sudo apt-get install -y fuse3')
  }
  if (stale.length === 0) return 0
  const nodeGyp = findNodeGyp()
  if (nodeGyp === undefined) {
    console.error('VaultFS is built by node-gyp, which comes with npm, and no npm was found. Run: npm rebuild')
    return 1
  }
  const outputs = await Promise.all(stale.map((folder) => compile(nodeGyp, folder)))
  const failed = stale.filter((_, index) => outputs[index] !== undefined)
  if (failed.length === 0) return 0
  console.error(`VaultFS: ${failed.map((folder) => folder.slice(root.length + 1)).join(', ')} did not build. The first of them said:`)
  console.error(outputs.find((output) => output !== undefined))
  return 1
}

process.exitCode = await main()
