// Who may import whom: HOUSE's table of layers, the three special rules, and no cycles. Types count like values: a file
// that only names another's type still has to know that room.

import { posix } from 'node:path'
import ts from 'typescript'
import { lineAt, nodesOf, type Finding, type SourceFile } from './source.js'

/** From the bottom up; rooms on one line are strangers to each other. */
const layers: readonly (readonly string[])[] = [
  ['lib/terms'],
  ['native-deps'],
  ['lib/format'],
  ['lib/store'],
  ['lib/crypto', 'lib/chunk'],
  ['lib/tree', 'lib/manifest'],
  ['lib/fold', 'lib/wire'],
  ['lib/content', 'lib/sync', 'lib/peer', 'lib/cache', 'lib/catalog', 'lib/history', 'lib/log', 'lib/workers'],
  ['lib/vault'],
  ['mount', 'lib/node', 'lib/control'],
  ['bin'],
]
const nativePackages = /^(fuse-native|sodium-native|blake3|@napi-rs\/.+|rabin-native|better-sqlite3(-.+)?)(\/|$)|\.node$/
const networkPackages = /^(undici|node:https?2?|https?2?)(\/|$)/
const networkRooms = new Set(['lib/peer', 'lib/node', 'lib/control', 'test'])
const secretRooms = /^lib\/(crypto\/(open|keys|key-page)\.ts|tree\/|content\/)/

interface Import {
  readonly specifier: string
  readonly line: number
}

export function importsOf(file: SourceFile): readonly Import[] {
  const { syntax } = file
  if (syntax === undefined) return []
  const found: Import[] = []
  for (const node of nodesOf(syntax)) {
    const specifier = specifierOf(node)
    if (specifier !== undefined) found.push({ specifier, line: lineAt(syntax, node.getStart(syntax)) })
  }
  return found
}

function specifierOf(node: ts.Node): string | undefined {
  if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier !== undefined)
    return ts.isStringLiteral(node.moduleSpecifier) ? node.moduleSpecifier.text : undefined
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument) && ts.isStringLiteral(node.argument.literal))
    return node.argument.literal.text
  if (!ts.isCallExpression(node)) return undefined
  const argument = node.arguments[0]
  if (argument === undefined || !ts.isStringLiteral(argument)) return undefined
  const isImport = node.expression.kind === ts.SyntaxKind.ImportKeyword
  const isRequire = ts.isIdentifier(node.expression) && /^(require|load)/.test(node.expression.text)
  return isImport || isRequire ? argument.text : undefined
}

/** The room a file lives in: `lib/content`, `bin`; a file straight in lib belongs to `lib/vault`. */
export function roomOf(path: string): string {
  const [top = '', second = '', third] = path.split('/')
  if (top !== 'lib') return top
  return third === undefined ? (second.startsWith('vault') ? 'lib/vault' : path) : `lib/${second}`
}

function resolveImport(from: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined
  return posix.normalize(posix.join(posix.dirname(from), specifier)).replace(/\.js$/, '.ts')
}

const layerOf = (room: string): number => layers.findIndex((rooms) => rooms.includes(room))

export function layerFindings(files: readonly SourceFile[]): Finding[] {
  const findings: Finding[] = []
  for (const file of files) {
    const room = roomOf(file.path)
    if (file.syntax === undefined || room === 'test' || !file.path.endsWith('.ts')) continue
    const layer = layerOf(room)
    if (layer < 0) {
      findings.push({ path: file.path, line: 0, message: `room ${room} has no layer: give it a row in HOUSE 4.4 and in test/tidy/imports.ts` })
      continue
    }
    for (const { specifier, line } of importsOf(file)) {
      const target = resolveImport(file.path, specifier)
      if (target === undefined) continue
      const other = roomOf(target)
      if (other !== room && layerOf(other) >= layer)
        findings.push({ path: file.path, line, message: `${room} may not import ${other} (it lies beside or above): use a port of lib/store, or hand it in from lib/vault` })
      if (other === 'test' || (layerOf(other) < 0 && other !== room))
        findings.push({ path: file.path, line, message: `${target} is no room of the house: move what is needed into a layer` })
    }
  }
  return findings
}

export function packageFindings(files: readonly SourceFile[]): Finding[] {
  const findings: Finding[] = []
  for (const file of files) {
    const room = roomOf(file.path)
    const nativeAllowed = room === 'native-deps' || file.path.startsWith('test/native-deps/')
    for (const { specifier, line } of importsOf(file)) {
      if (nativePackages.test(specifier) && !nativeAllowed)
        findings.push({ path: file.path, line, message: `only native-deps imports ${specifier}: its traps are handled there, import native-deps' typed wrapper` })
      if (networkPackages.test(specifier) && !networkRooms.has(room))
        findings.push({ path: file.path, line, message: `only lib/peer, lib/node and lib/control import ${specifier}: nothing else may reach the network` })
    }
  }
  return findings
}

/** `lib/node` and `lib/wire` cannot decrypt even by mistake: not even through others do they reach what opens. */
export function blindRoomFindings(files: readonly SourceFile[]): Finding[] {
  const graph = graphOf(files)
  const findings: Finding[] = []
  for (const start of graph.keys()) {
    if (!/^lib\/(node|wire)\//.test(start)) continue
    const cameFrom = new Map<string, string>([[start, '']])
    for (const path of cameFrom.keys())
      for (const target of graph.get(path) ?? []) if (!cameFrom.has(target)) cameFrom.set(target, path)
    for (const path of cameFrom.keys())
      if (secretRooms.test(path))
        findings.push({ path: start, line: 0, message: `reaches ${path} by way of ${cameFrom.get(path)}: a keeper of blobs must not be able to decrypt; verify with public keys only` })
  }
  return findings
}

/** What a mounted vault is asked of its nodes runs in a thread of its own: TLS and certificates would hold up the kernel. */
export function quietThreadFindings(files: readonly SourceFile[]): Finding[] {
  const graph = graphOf(files)
  const cameFrom = new Map<string, string>([['bin/peer-service.ts', '']])
  for (const path of cameFrom.keys())
    for (const target of graph.get(path) ?? []) if (!cameFrom.has(target)) cameFrom.set(target, path)
  return [...cameFrom.entries()].filter(([path]) => /^lib\/peer\/(connection|exchange|http-peer|pairing)\.ts$|^lib\/wire\/certificate\.ts$/.test(path))
    .map(([path, by]) => ({ path: 'bin/peer-service.ts', line: 0, message: `reaches ${path} by way of ${by}: speak with nodes in lib/vault-meet-thread.ts` }))
}

export function cycleFindings(files: readonly SourceFile[]): Finding[] {
  const graph = graphOf(files)
  const state = new Map<string, 'open' | 'done'>()
  const findings: Finding[] = []
  const visit = (path: string, trail: readonly string[]): void => {
    state.set(path, 'open')
    for (const target of graph.get(path) ?? []) {
      if (state.get(target) === 'open') {
        const loop = [...trail.slice(trail.indexOf(target)), target]
        findings.push({ path, line: 0, message: `import cycle ${loop.join(' → ')}: move what both need into a third file` })
      } else if (state.get(target) === undefined) visit(target, [...trail, target])
    }
    state.set(path, 'done')
  }
  for (const path of graph.keys()) if (state.get(path) === undefined) visit(path, [path])
  return findings
}

function graphOf(files: readonly SourceFile[]): Map<string, readonly string[]> {
  const known = new Set(files.map((file) => file.path))
  const graph = new Map<string, readonly string[]>()
  for (const file of files) {
    if (file.syntax === undefined) continue
    const targets = importsOf(file).map(({ specifier }) => resolveImport(file.path, specifier))
    graph.set(file.path, targets.filter((target): target is string => target !== undefined && known.has(target)))
  }
  return graph
}
