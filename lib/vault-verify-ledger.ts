// What verifying has to remember of blobs, in tables of its own beside the refolded past: each reference once, whether
// its blob was met and what is wrong with it. Millions of them must not lie in memory.
import type { Database, Statement } from '../native-deps/sqlite.js'
import { decodeBlobReference, encodeBlobReference, type BlobReference } from './format/blob-reference.js'
import type { BlobId } from './terms/bytes.js'

const tables = `
CREATE TABLE verify_blob (
  blob BLOB NOT NULL, reference BLOB NOT NULL, met INTEGER NOT NULL DEFAULT 0, damage TEXT, below INTEGER, PRIMARY KEY (blob, reference)) WITHOUT ROWID;
CREATE TABLE verify_hurt (
  ino INTEGER NOT NULL, content INTEGER NOT NULL, blobs INTEGER NOT NULL, damage TEXT NOT NULL, PRIMARY KEY (ino, content)) WITHOUT ROWID;
`

/** What is wrong with a blob, or with pages and chunks below it. */
export interface Hurt {
  /** Damaged blobs, at least. */
  readonly blobs: number
  /** Of the first one. */
  readonly damage: string
}

export interface HurtContent extends Hurt {
  readonly ino: number
  readonly content: number
}

interface Statements {
  readonly add: Statement<[Uint8Array, Uint8Array], never>
  readonly of: Statement<[Uint8Array], Buffer>
  readonly meet: Statement<[string | null, Uint8Array, Uint8Array], never>
  readonly unmet: Statement<[number], Buffer>
  readonly state: Statement<[Uint8Array, Uint8Array], { damage: string | null; below: number | null }>
  readonly setBelow: Statement<[number, string | null, Uint8Array, Uint8Array], never>
  readonly damaged: Statement<[], number>
  readonly referencesAfter: Statement<[Uint8Array, number], Buffer>
  readonly damagedAfter: Statement<[Uint8Array, number], { blob: Buffer; damage: string }>
  readonly hurt: Statement<[number, number, number, string], never>
  readonly hurtAfter: Statement<[number], HurtContent>
}

export class BlobLedger {
  readonly database: Database
  readonly #statements: Statements

  constructor(database: Database) {
    this.database = database
    database.exec(tables)
    this.#statements = {
      add: database.prepare('INSERT OR IGNORE INTO verify_blob (blob, reference) VALUES (?, ?)'),
      of: database.prepare('SELECT reference FROM verify_blob WHERE blob = ?', 'first'),
      meet: database.prepare('UPDATE verify_blob SET met = 1, damage = ? WHERE blob = ? AND reference = ?'),
      unmet: database.prepare('SELECT DISTINCT blob FROM verify_blob WHERE met = 0 LIMIT ?', 'first'),
      state: database.prepare('SELECT damage, below FROM verify_blob WHERE blob = ? AND reference = ?'),
      setBelow: database.prepare('UPDATE verify_blob SET below = ?, damage = coalesce(damage, ?) WHERE blob = ? AND reference = ?'),
      damaged: database.prepare('SELECT count(*) FROM verify_blob WHERE damage IS NOT NULL', 'first'),
      referencesAfter: database.prepare('SELECT reference FROM verify_blob WHERE reference > ? AND damage IS NOT NULL ORDER BY reference LIMIT ?', 'first'),
      damagedAfter: database.prepare('SELECT blob, damage FROM verify_blob WHERE blob > ? AND damage IS NOT NULL AND below IS NULL ORDER BY blob LIMIT ?'),
      hurt: database.prepare('INSERT OR REPLACE INTO verify_hurt (ino, content, blobs, damage) VALUES (?, ?, ?, ?)'),
      hurtAfter: database.prepare(`SELECT ino, content, blobs, damage FROM verify_hurt
        WHERE ino = (SELECT min(ino) FROM verify_hurt WHERE ino > ?) ORDER BY content`),
    }
  }

  /** Answers false when it is known already. */
  add(reference: BlobReference): boolean {
    return this.#statements.add.run(reference.blobId, encodeBlobReference(reference)).changes > 0
  }

  /** Everything that was said of the blob. */
  referencesOf(blobId: BlobId): BlobReference[] {
    return this.#statements.of.all(blobId).map((bytes) => decodeBlobReference(bytes))
  }

  /** It was found and looked at. */
  met(reference: BlobReference, damage: string | undefined): void {
    this.#statements.meet.run(damage ?? null, reference.blobId, encodeBlobReference(reference))
  }

  /** Blobs of which something was said and that were not met by now. */
  unmet(limit: number): readonly Uint8Array[] {
    return this.#statements.unmet.all(limit)
  }

  get damagedCount(): number {
    return this.#statements.damaged.get() ?? 0
  }

  /** Encoded references to blobs that can't be read, as long as no page counts as damaged for what lies below it (`setBelow`). */
  *damaged(limit: number): IterableIterator<readonly Uint8Array[]> {
    for (let after: Uint8Array = new Uint8Array(0); ;) {
      const references = this.#statements.referencesAfter.all(after, limit)
      const last = references.at(-1)
      if (last === undefined) return
      yield references
      after = last
    }
  }

  /** Of a chunk or page: `below` is how many damaged ones its subtree has, itself included; undefined: not counted yet. */
  hurtOf(reference: BlobReference): { readonly damage: string | undefined; readonly below: number | undefined } {
    const row = this.#statements.state.get(reference.blobId, encodeBlobReference(reference))
    return { damage: row?.damage ?? undefined, below: row?.below ?? undefined }
  }

  setBelow(reference: BlobReference, { blobs, damage }: { readonly blobs: number; readonly damage: string | undefined }): void {
    this.#statements.setBelow.run(blobs, damage ?? null, reference.blobId, encodeBlobReference(reference))
  }

  putHurt({ ino, content, blobs, damage }: HurtContent): void {
    this.#statements.hurt.run(ino, content, blobs, damage)
  }

  /** Of the next entry that has any. */
  hurtContents(afterIno: number): HurtContent[] {
    return this.#statements.hurtAfter.all(afterIno)
  }

  /** Damaged blobs that no content led to. */
  unneeded(after: Uint8Array, limit: number): { readonly blob: Buffer; readonly damage: string }[] {
    return this.#statements.damagedAfter.all(after, limit)
  }
}
