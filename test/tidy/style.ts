// What a file may look like and call: sizes, names, banned calls and constructs, each with what to write instead.

import { basename } from 'node:path'
import ts from 'typescript'
import { lineAt, nodesOf, type Finding, type SourceFile } from './source.js'

const linesMax = 300
const functionLinesMax = 60
const bannedWords = new Set(['util', 'utils', 'helper', 'helpers', 'common', 'misc', 'manager', 'base'])
const kebabName = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9-]+)*$/
const codeFile = /\.(ts|js|mjs|c|h|cc)$|^bin\/vaultfs$/
const machinePath = /(^|[\s"'`(=:])\/(home|Users|root|work)\/[A-Za-z0-9._-]/
/** The only readers of the environment: settings, and the two programs that run before there are any. */
const environmentReaders = new Set(['bin/settings.ts', 'bin/vaultfs', 'native-deps/build.mjs'])

const finding = (file: SourceFile, line: number, message: string): Finding => ({ path: file.path, line, message })

export function nameFindings(file: SourceFile): Finding[] {
  if (!codeFile.test(file.path)) return []
  const findings: Finding[] = []
  for (const part of file.path.split('/')) {
    if (part === 'index.ts') findings.push(finding(file, 0, 'no barrel: import from the file that makes it'))
    const words = part.split(/[-._]/)
    for (const word of words)
      if (bannedWords.has(word)) findings.push(finding(file, 0, `'${word}' says nothing: name ${part} after the one thing it exports`))
    if (!kebabName.test(part)) findings.push(finding(file, 0, `${part}: file and folder names are kebab-case nouns`))
  }
  return findings
}

export function sizeFindings(file: SourceFile): Finding[] {
  if (!codeFile.test(file.path)) return []
  const findings: Finding[] = []
  const lines = file.text.split('\n').length - (file.text.endsWith('\n') ? 1 : 0)
  if (lines > linesMax) findings.push(finding(file, 0, `${lines} lines (${linesMax} are the hard end): split it by job`))
  const { syntax } = file
  if (syntax === undefined || file.path.startsWith('test/')) return findings
  for (const node of nodesOf(syntax)) {
    if (!ts.isFunctionLike(node)) continue
    const first = lineAt(syntax, node.getStart(syntax))
    const length = lineAt(syntax, node.end) - first + 1
    if (length > functionLinesMax)
      findings.push(finding(file, first, `a function of ${length} lines (${functionLinesMax} allowed): give its parts names of their own`))
  }
  return findings
}

export function openingFindings(file: SourceFile): Finding[] {
  if (!codeFile.test(file.path)) return []
  const lines = file.text.split('\n')
  // These two must be a file's first line.
  if (lines[0]?.startsWith('#!') || lines[0]?.startsWith('#define _GNU_SOURCE')) lines.shift()
  while (lines[0] === '') lines.shift()
  // A C file may leave it to its header, which it then includes first.
  if (lines[0]?.startsWith('/*') || (file.path.endsWith('.c') && lines[0] === `#include "${basename(file.path, '.c')}.h"`)) return []
  const length = lines.findIndex((line) => !line.startsWith('//'))
  if (length >= 1 && length <= 6) return []
  return [finding(file, 1, 'open the file with one to six comment lines: what it is for, and the one thing a newcomer would get wrong')]
}

export function constructFindings(file: SourceFile): Finding[] {
  const { syntax } = file
  // A declaration describes a package that is as it is.
  if (syntax === undefined || file.path.endsWith('.d.ts')) return []
  const findings: Finding[] = []
  for (const node of nodesOf(syntax)) {
    const message = constructMessage(node)
    if (message !== undefined) findings.push(finding(file, lineAt(syntax, node.getStart(syntax)), message))
  }
  file.text.split('\n').forEach((line, at) => {
    if (/(\/\/|\/\*)\s*@ts-(ignore|nocheck|expect-error)/.test(line))
      findings.push(finding(file, at + 1, 'no silenced compiler: make the types true'))
  })
  return findings
}

function constructMessage(node: ts.Node): string | undefined {
  if (node.kind === ts.SyntaxKind.AnyKeyword) return "no 'any': write 'unknown' and look before use"
  if (ts.isNonNullExpression(node)) return "no '!': handle undefined, or state the invariant with invariant()"
  if (ts.isExportAssignment(node)) return 'no default export: export it by name'
  if (ts.canHaveModifiers(node) && ts.getModifiers(node)?.some((one) => one.kind === ts.SyntaxKind.DefaultKeyword) === true)
    return 'no default export: export it by name'
  if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined) return 'no re-export: import it from the file that makes it'
  if (ts.isEnumDeclaration(node)) return "no enum: write a union of strings, or a const object"
  if (ts.isModuleDeclaration(node) && (node.flags & ts.NodeFlags.Namespace) !== 0) return 'no namespace: a file is one'
  return undefined
}

export function ambientFindings(file: SourceFile): Finding[] {
  const { syntax } = file
  if (syntax === undefined || file.path.startsWith('test/')) return []
  const inLib = file.path.startsWith('lib/')
  const findings: Finding[] = []
  for (const node of nodesOf(syntax)) {
    const name = ambientName(node)
    if (name === undefined) continue
    const line = lineAt(syntax, node.getStart(syntax))
    if (name === 'process.env') {
      if (!environmentReaders.has(file.path)) findings.push(finding(file, line, 'only bin/settings.ts reads process.env: take the setting as an argument'))
    } else if (inLib) findings.push(finding(file, line, `lib has no ${name}: take a Clock, Entropy or Logger of lib/terms as an argument`))
  }
  return findings
}

function ambientName(node: ts.Node): string | undefined {
  if (ts.isNewExpression(node) && node.expression.getText() === 'Date' && (node.arguments?.length ?? 0) === 0) return 'new Date()'
  if (!ts.isPropertyAccessExpression(node)) return undefined
  const text = `${node.expression.getText()}.${node.name.text}`
  if (text === 'process.env' || text === 'Date.now' || text === 'Math.random') return text
  return node.expression.getText() === 'console' ? 'console' : undefined
}

export function machinePathFindings(file: SourceFile): Finding[] {
  if (file.path.startsWith('test/tidy/')) return []
  return file.text.split('\n').flatMap((line, at) =>
    machinePath.test(line) ? [finding(file, at + 1, 'a path of one machine: use ~, $HOME, os.tmpdir() or a setting')] : [],
  )
}
