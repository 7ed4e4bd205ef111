// Puts each program and thread of dist/ into few files in dist-run/, at the same places: Node takes a millisecond to find,
// read and link a module, and a mount has three hundred of them. Plain JavaScript, run by `npm run build` behind tsc. The
// launcher uses dist-run when it is not older than dist, so whoever compiles only runs what he compiled.
import { readdirSync, readFileSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const out = join(root, 'dist-run')

/** Programs, and every thread: whatever a module names by `new URL('….js', import.meta.url)`. */
function entryPoints() {
  const entries = new Set(['bin/vaultfs', 'bin/daemon'])
  for (const layer of ['bin', 'lib', 'mount', 'native-deps']) {
    for (const file of readdirSync(join(root, layer), { recursive: true })) {
      if (!file.endsWith('.ts') || file.endsWith('.d.ts')) continue
      const path = join(layer, file)
      for (const [, name] of readFileSync(join(root, path), 'utf8').matchAll(/new URL\('(\.[^']*)\.js', import\.meta\.url\)/g)) entries.add(join(dirname(path), name))
    }
  }
  return [...entries]
}

/** Packages without native code that every command loads; others are loaded when they are needed. */
const inlined = /^(yargs|cliui|wrap-ansi|strip-ansi|ansi-|get-east|y18n|escalade|@scure\/|@noble\/)/

/** A module finds what lies beside it by import.meta, which is that of the bundle now: it is told where it would lie. */
const ownPlaces = {
  name: 'own places',
  setup: ({ onLoad, onResolve }) => {
    onLoad({ filter: /\.(ts|m?js)$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8')
      // Ours as if it lay in dist-run, a package's file where it is.
      const loader = path.endsWith('.ts') ? 'ts' : 'js'
      const place = JSON.stringify(loader === 'ts' ? relative(root, path).replace(/\.ts$/, '.js') : relative(out, path))
      const url = `new URL(${place}, import.meta.url.slice(0, import.meta.url.lastIndexOf('/dist-run/') + 10))`
      const contents = text
        .replaceAll(/\bimport\.meta\.url\b/g, `(${url}.href)`)
        .replaceAll(/\bimport\.meta\.filename\b/g, `__file(${url})`)
        .replaceAll(/\bimport\.meta\.dirname\b/g, `__file(new URL('.', ${url}))`)
      return { contents: contents.includes('__file(') ? `import { fileURLToPath as __file } from 'node:url'\n${contents}` : contents, loader }
    })
    onResolve({ filter: /^[^.]/ }, ({ path, kind }) => (kind === 'entry-point' || inlined.test(path) ? undefined : { path, external: true }))
  },
}

/** For help only, and it takes as long to load as all of our own code: loaded when a width is asked for. */
const lateWidth = {
  name: 'late width',
  setup: ({ onLoad, onResolve }) => {
    onResolve({ filter: /^string-width$/ }, ({ path }) => ({ path, namespace: 'late' }))
    onLoad({ filter: /.*/, namespace: 'late' }, () => ({ contents: `
      import { createRequire } from 'node:module'
      let width
      export default (...values) => (width ??= createRequire(import.meta.url)('string-width').default)(...values)`, resolveDir: root }))
  },
}

await rm(out, { recursive: true, force: true })
await build({
  absWorkingDir: root, entryPoints: entryPoints().map((entry) => ({ in: `${entry}.ts`, out: entry })), outdir: out,
  bundle: true, splitting: true, format: 'esm', platform: 'node', target: 'node22', chunkNames: 'chunks/[name]-[hash]',
  sourcemap: true, sourcesContent: false, legalComments: 'inline', plugins: [lateWidth, ownPlaces], logLevel: 'warning',
})
