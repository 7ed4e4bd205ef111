// What an entry says of its published content, and the pages of larger content's tree. FORMAT "Content".
import { readBlobReference, writeBlobReference, type BlobReference } from '../format/blob-reference.js'
import { ByteReader } from '../format/reader.js'
import { ByteWriter } from '../format/writer.js'
import { limits } from '../terms/limits.js'

/** A stretch of content. */
export type Run =
  | { readonly kind: 'hole'; readonly length: number }
  /** `length` bytes from byte `skip` of the chunk. */
  | { readonly kind: 'chunk'; readonly length: number; readonly skip: number; readonly reference: BlobReference }

export interface ContentReference {
  /** Bytes covered; the entry's size may be larger (a hole follows) or smaller (the rest is cut off). */
  readonly length: number
  /** Bytes that are not hole. */
  readonly allocated: number
  readonly body:
    | { readonly form: 'inline'; readonly bytes: Uint8Array }
    | { readonly form: 'runs'; readonly runs: readonly Run[] }
    /** `depth` 1: the root page is a leaf. */
    | { readonly form: 'tree'; readonly depth: number; readonly root: BlobReference }
}

export const emptyContent: ContentReference = { length: 0, allocated: 0, body: { form: 'runs', runs: [] } }

const forms = { inline: 1, runs: 2, tree: 3 } as const

export function encodeContent(content: ContentReference): Uint8Array {
  if (content.length === 0) return new Uint8Array(0)
  const { body } = content
  const writer = new ByteWriter(256).u8(forms[body.form]).varint(content.length).varint(content.allocated)
  if (body.form === 'inline') writer.bytes(body.bytes)
  else if (body.form === 'runs') writeRuns(writer, body.runs)
  else writeBlobReference(writer.u8(body.depth), body.root)
  return writer.take()
}

export function decodeContent(bytes: Uint8Array): ContentReference {
  if (bytes.byteLength === 0) return emptyContent
  const reader = new ByteReader(bytes, 'content reference')
  const form = reader.u8()
  const length = reader.varint()
  const allocated = reader.varint()
  if (length === 0) throw reader.corrupt('content of no bytes')
  const body = readBody(reader, form, length)
  reader.end()
  return { length, allocated, body }
}

/** Readers go by what it says without looking again, so it is looked at here, whoever has signed it. */
function readBody(reader: ByteReader, form: number, length: number): ContentReference['body'] {
  if (form === forms.inline) {
    if (reader.remaining !== length) throw reader.corrupt(`${reader.remaining} bytes of content instead of ${length}`)
    return { form: 'inline', bytes: reader.copy(length) }
  }
  if (form === forms.runs) {
    const runs = readRuns(reader, limits.pageRunsMax)
    if (runs.reduce((sum, run) => sum + run.length, 0) !== length) throw reader.corrupt(`runs that are not ${length} bytes`)
    return { form: 'runs', runs }
  }
  if (form !== forms.tree) throw reader.corrupt(`content of the unknown form ${form}`)
  const depth = reader.u8()
  if (depth === 0) throw reader.corrupt('a tree without a page')
  return { form: 'tree', depth, root: readReference(reader, 'page') }
}

function readReference(reader: ByteReader, kind: BlobReference['kind']): BlobReference {
  const reference = readBlobReference(reader)
  if (reference.kind !== kind) throw reader.corrupt(`a ${reference.kind} where a ${kind} belongs`)
  return reference
}

export interface Child {
  /** Bytes of content below it. */
  readonly length: number
  readonly reference: BlobReference
}

export type Page = { readonly kind: 'leaf'; readonly runs: readonly Run[] } | { readonly kind: 'inner'; readonly children: readonly Child[] }

export function encodePage(page: Page): Uint8Array {
  const writer = new ByteWriter(4096)
  if (page.kind === 'leaf') {
    writeRuns(writer.u8(1), page.runs)
  } else {
    writer.u8(2).varint(page.children.length)
    for (const { length, reference } of page.children) writeBlobReference(writer.varint(length), reference)
  }
  return writer.take()
}

export function decodePage(bytes: Uint8Array, subject: string): Page {
  const reader = new ByteReader(bytes, subject)
  const kind = reader.u8()
  if (kind === 1) {
    const runs = readRuns(reader, limits.pageRunsMax)
    reader.end()
    return { kind: 'leaf', runs }
  }
  if (kind !== 2) throw reader.corrupt(`a page of the unknown kind ${kind}`)
  const count = reader.varint()
  if (count > limits.pageRunsMax) throw reader.corrupt(`a page of ${count} children`)
  const children: Child[] = []
  let total = 0
  for (let index = 0; index < count; index++) {
    const child = { length: reader.varint(), reference: readReference(reader, 'page') }
    total += child.length
    if (child.length === 0 || !Number.isSafeInteger(total)) throw reader.corrupt('children of lengths that can not be')
    children.push(child)
  }
  reader.end()
  return { kind: 'inner', children }
}

export function writeRuns(writer: ByteWriter, runs: readonly Run[]): void {
  writer.varint(runs.length)
  for (const run of runs) {
    if (run.kind === 'hole') writer.u8(0).varint(run.length)
    else writeBlobReference(writer.u8(1).varint(run.length).varint(run.skip), run.reference)
  }
}

export function readRuns(reader: ByteReader, countMax: number): Run[] {
  const count = reader.varint()
  if (count > countMax) throw reader.corrupt(`${count} runs where at most ${countMax} may be`)
  const runs: Run[] = []
  let total = 0
  for (let index = 0; index < count; index++) {
    const run = readRun(reader)
    total += run.length
    if (run.length === 0 || !Number.isSafeInteger(total)) throw reader.corrupt('runs of lengths that can not be')
    runs.push(run)
  }
  return runs
}

function readRun(reader: ByteReader): Run {
  const kind = reader.u8()
  const length = reader.varint()
  if (kind === 0) return { kind: 'hole', length }
  if (kind !== 1) throw reader.corrupt(`a run of the unknown kind ${kind}`)
  const skip = reader.varint()
  const reference = readReference(reader, 'chunk')
  if (skip + length > reference.plainLength) throw reader.corrupt('a run past the end of its chunk')
  return { kind: 'chunk', length, skip, reference }
}

/** The part of `run` from byte `from` (of it) on, `length` bytes long. */
export function sliceRun(run: Run, from: number, length: number): Run {
  return run.kind === 'hole' ? { kind: 'hole', length } : { ...run, skip: run.skip + from, length }
}

/** Puts `run` behind `runs`, joined with the last one where they are one stretch. */
export function pushRun(runs: Run[], run: Run): void {
  if (run.length === 0) return
  const last = runs.at(-1)
  if (last?.kind === 'hole' && run.kind === 'hole') {
    runs[runs.length - 1] = { kind: 'hole', length: last.length + run.length }
  } else if (
    last?.kind === 'chunk' && run.kind === 'chunk' && last.skip + last.length === run.skip &&
    Buffer.compare(last.reference.blobId, run.reference.blobId) === 0
  ) {
    runs[runs.length - 1] = { ...last, length: last.length + run.length }
  } else {
    runs.push(run)
  }
}

/** Whether a chunk begins here and is whole: where a re-cut may stop. */
export function isWholeChunk(run: Run): boolean {
  return run.kind === 'chunk' && run.skip === 0 && run.length === run.reference.plainLength
}

export function allocatedBytes(runs: readonly Run[]): number {
  return runs.reduce((sum, run) => sum + (run.kind === 'hole' ? 0 : run.length), 0)
}
