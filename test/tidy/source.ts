// What the tidy rules look at: the project's own files, read from disk or (for the rules' fixtures) made from strings.
// Found by walking, not by git, so that a container without git tests the same.

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import ts from 'typescript'

/** One file; `syntax` only for TypeScript and JavaScript. */
export interface SourceFile {
  /** From the project's root, with forward slashes. */
  readonly path: string
  readonly text: string
  readonly syntax: ts.SourceFile | undefined
}

export interface Finding {
  readonly path: string
  /** From 1; 0: the whole file. */
  readonly line: number
  /** What is wrong and what to write instead. */
  readonly message: string
}

const skippedFolders = new Set(['node_modules', '.git', '.tap', 'build'])
const textFile = /\.(ts|js|mjs|cjs|c|h|cc|md|json|gyp|txt|sh|py)$|\/run$|(^|\/)(vaultfs|Dockerfile)$/
const scriptFile = /\.(ts|js|mjs|cjs)$|^bin\/vaultfs$/

export function sourceFile(path: string, text: string): SourceFile {
  const kind = path.endsWith('.ts') ? ts.ScriptKind.TS : ts.ScriptKind.JS
  const syntax = scriptFile.test(path)
    ? ts.createSourceFile(path, text, ts.ScriptTarget.ES2024, true, kind)
    : undefined
  return { path, text, syntax }
}

/** The folder that holds package.json, at or above `from`. */
export function projectRoot(from: string): string {
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    if (readdirSync(folder).includes('package.json')) return folder
    if (folder === dirname(folder)) throw new Error(`no package.json above ${from}`)
  }
}

export function readProject(root: string): readonly SourceFile[] {
  const files: SourceFile[] = []
  const walk = (folder: string): void => {
    for (const item of readdirSync(folder, { withFileTypes: true })) {
      const full = join(folder, item.name)
      if (item.isDirectory()) {
        if (!skippedFolders.has(item.name) && !item.name.startsWith('dist')) walk(full)
        continue
      }
      const path = relative(root, full)
      if (item.isFile() && textFile.test(path) && path !== 'package-lock.json')
        files.push(sourceFile(path, readFileSync(full, 'utf8')))
    }
  }
  walk(root)
  return files.sort((a, b) => (a.path < b.path ? -1 : 1))
}

export function lineAt(syntax: ts.SourceFile, position: number): number {
  return syntax.getLineAndCharacterOfPosition(position).line + 1
}

/** Every node below `root`, parents before children. */
export function* nodesOf(root: ts.Node): Generator<ts.Node> {
  const queue: ts.Node[] = [root]
  for (let node = queue.pop(); node !== undefined; node = queue.pop()) {
    yield node
    ts.forEachChild(node, (child) => {
      queue.push(child)
    })
  }
}
