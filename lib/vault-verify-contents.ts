// The part of verifying that goes from versions to blobs and back: which blobs the contents of all versions, now and in
// the past, are made of; and when some of those are damaged, which paths and versions that touches.
import type { Database, Statement } from '../native-deps/sqlite.js'
import { belowContent, belowPage, contentFault, pageFault, type Below } from './content/content-walk.js'
import { decodeContent, decodePage } from './content/content-reference.js'
import type { BlobReference } from './format/blob-reference.js'
import { hex } from './terms/bytes.js'
import { limits } from './terms/limits.js'
import type { BlobOpener } from './workers/blob-opener.js'
import { blobDamageOf, damageOf, finding, pathOrEntry, type VerifyContext } from './vault-verify-context.js'
import type { BlobLedger, Hurt, HurtContent } from './vault-verify-ledger.js'
import { VerifiedPast } from './vault-verify-past.js'

interface ContentRow {
  readonly content: number
  readonly ino: number
  readonly bytes: Buffer
}

const contentNext = "Put the folder \"cache\" of the store back from a copy, or bring back another version: 'vaultfs history' lists them; 'vaultfs salvage' saves what can still be read."

export class ContentCheck {
  readonly #context: VerifyContext
  readonly #ledger: BlobLedger
  readonly #opener: BlobOpener
  readonly #database: Database
  readonly #batch: Statement<[number, number], ContentRow>
  readonly #past: VerifiedPast
  #page = new Uint8Array(0)
  contents = 0

  /** `past`: which versions there are. */
  constructor(context: VerifyContext, { past, ledger, opener }: { readonly past: Database; readonly ledger: BlobLedger; readonly opener: BlobOpener }) {
    this.#context = context
    this.#ledger = ledger
    this.#opener = opener
    this.#database = past
    this.#batch = past.prepare('SELECT content, ino, bytes FROM content WHERE content > ? ORDER BY content LIMIT ?')
    this.#past = new VerifiedPast(past)
  }

  /** Notes every blob that any content refers to, pages and what they refer to included. */
  async collect(): Promise<void> {
    this.contents = this.#count()
    await this.#each('contents', (row) => {
      const content = decodeContent(row.bytes)
      const fault = contentFault(content)
      if (fault !== undefined) this.#malformed(row, fault)
      for (const below of belowContent(content)) this.#collect(below, row)
    })
  }

  /** Tells of each file that needs a damaged blob, with the versions that do. */
  async affected(): Promise<void> {
    if (this.#ledger.damagedCount > 0) {
      await this.#each('versions', (row) => {
        const hurt = this.#sum(belowContent(decodeContent(row.bytes)).map(({ reference }) => this.#hurt(reference)))
        if (hurt !== undefined) this.#ledger.putHurt({ ...row, ...hurt })
      })
    }
    let ino = 0
    for (let hurt = this.#ledger.hurtContents(ino); hurt.length > 0; hurt = this.#ledger.hurtContents(ino)) {
      ino = hurt[0]?.ino ?? Infinity
      await this.#tell(ino, hurt)
    }
  }

  async #tell(ino: number, hurt: readonly HurtContent[]): Promise<void> {
    const { versions, moreVersions } = this.#past.affected(ino, new Set(hurt.map(({ content }) => content)))
    const blobs = Math.max(...hurt.map((each) => each.blobs))
    const path = this.#past.pathNow(ino) ?? versions.find((version) => version.path !== null)?.path
    await this.#context.found(finding({
      kind: 'content', ...pathOrEntry(path, ino), versions, moreVersions, next: contentNext,
      // Rows stay for a while after retention has let go of the states that show them.
      message: `${hurt[0]?.damage ?? ''}${blobs > 1 ? `, and ${blobs - 1} more` : ''}${versions.length === 0 ? ', of a version that no kept state shows' : ''}`,
    }))
  }

  /** One transaction a batch, for the tables of the ledger. */
  async #each(phase: 'contents' | 'versions', work: (row: ContentRow) => void): Promise<void> {
    let after = 0
    let done = 0
    for (;;) {
      const rows = this.#batch.all(after, limits.verifyContentsBatch)
      if (rows.length === 0) return
      this.#ledger.database.transaction(() => {
        for (const row of rows) this.#guarded(row, work)
      })
      after = rows.at(-1)?.content ?? Infinity
      done += rows.length
      await this.#context.step(phase, done, this.contents)
    }
  }

  #guarded(row: ContentRow, work: (row: ContentRow) => void): void {
    try {
      work(row)
    } catch (error) {
      this.#malformed(row, damageOf(error))
    }
  }

  #malformed({ ino, content }: ContentRow, fault: string): void {
    this.#ledger.putHurt({ ino, content, blobs: 1, damage: `its content is malformed: ${fault}` })
  }

  #collect({ reference, length }: Below, row: ContentRow): void {
    // A page that is known was walked when it was met first.
    if (!this.#ledger.add(reference) || reference.kind !== 'page') return
    const page = this.#open(reference)
    // The page's own damage is found with the blobs.
    if (page === undefined) return
    const fault = pageFault(page, length)
    if (fault !== undefined) this.#malformed(row, fault)
    for (const below of belowPage(page)) this.#collect(below, row)
  }

  /** How many blobs at and below it are damaged. */
  #hurt(reference: BlobReference): Hurt | undefined {
    const { damage, below } = this.#ledger.hurtOf(reference)
    if (below !== undefined) return below === 0 || damage === undefined ? undefined : { blobs: below, damage }
    if (reference.kind === 'chunk' && damage === undefined) return undefined
    const page = damage === undefined ? this.#open(reference) : undefined
    const inside = page === undefined ? undefined : this.#sum(belowPage(page).map((each) => this.#hurt(each.reference)))
    const hurt = damage === undefined ? inside : { blobs: 1, damage }
    this.#ledger.setBelow(reference, { blobs: hurt?.blobs ?? 0, damage: hurt?.damage })
    return hurt
  }

  #sum(all: readonly (Hurt | undefined)[]): Hurt | undefined {
    const hurt = all.filter((each) => each !== undefined)
    const [first] = hurt
    return first === undefined ? undefined : { damage: first.damage, blobs: hurt.reduce((sum, { blobs }) => sum + blobs, 0) }
  }

  #open(reference: BlobReference): ReturnType<typeof decodePage> | undefined {
    if (this.#page.byteLength < reference.plainLength) this.#page = new Uint8Array(reference.plainLength)
    const bytes = this.#page.subarray(0, reference.plainLength)
    try {
      this.#opener.read(reference, 0, bytes.byteLength, bytes)
      return decodePage(bytes, `content page ${hex(reference.blobId)}`)
    } catch (error) {
      blobDamageOf(error)
      return undefined
    }
  }

  #count(): number {
    return this.#database.prepare<[], number>('SELECT count(*) FROM content', 'first').get() ?? 0
  }
}
