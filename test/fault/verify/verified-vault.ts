// A vault with a present and a past for verifying, and what verifying says of it.
import { decodeContent } from '../../../lib/content/content-reference.js'
import type { BlobReference } from '../../../lib/format/blob-reference.js'
import { rootIno } from '../../../lib/tree/entry.js'
import type { VerifyFinding, VerifyProgress, VerifySummary } from '../../../lib/vault-verify-report.js'
import { request, TestVault } from '../../support/open-vault.js'
import { randomBytes } from '../../support/random-bytes.js'

export interface Verified {
  readonly findings: readonly VerifyFinding[]
  readonly summary: VerifySummary
  readonly phases: ReadonlySet<VerifyProgress['phase']>
}

export async function verified(world: TestVault): Promise<Verified> {
  const findings: VerifyFinding[] = []
  const phases = new Set<VerifyProgress['phase']>()
  const summary = await world.opened.verifier.verify({
    onFinding: (finding) => { findings.push(finding) }, onProgress: ({ phase }) => { phases.add(phase) },
  })
  return { findings, summary, phases }
}

/** Kinds and subjects, for comparing. */
export function named({ findings }: Verified): string[] {
  return findings.map(({ kind, subject }) => `${kind} ${subject}`).sort()
}

export async function put(world: TestVault, parent: number, name: string, bytes: Uint8Array): Promise<number> {
  const { operations } = world
  const found = await operations.lookup(parent, name)
  const made = typeof found === 'number' ? await operations.create(parent, name, 0o644, 0, 0, request) : { attributes: found }
  if (typeof made === 'number') throw new Error(`create ${name}: ${made}`)
  const { ino } = made.attributes
  await operations.setattr(ino, { size: 0 })
  const step = 1024 * 1024
  for (let at = 0; at < bytes.byteLength; at += step) {
    await operations.write(ino, 0, at, Buffer.from(bytes.subarray(at, at + step)), { fromCache: false, killSuidGid: false, append: false })
  }
  return ino
}

export async function folder(world: TestVault, name: string): Promise<number> {
  const made = await world.operations.mkdir(rootIno, name, 0o755, 0, request)
  if (typeof made === 'number') throw new Error(`mkdir ${name}: ${made}`)
  return made.ino
}

/** What the published content of a file refers to. */
export function referencesOf(world: TestVault, ino: number): BlobReference[] {
  const { body } = decodeContent(world.vault.tree.get(ino)?.content ?? new Uint8Array(0))
  if (body.form === 'tree') return [body.root]
  return body.form === 'inline' ? [] : body.runs.flatMap((run) => (run.kind === 'chunk' ? [run.reference] : []))
}

export interface Scene {
  readonly world: TestVault
  /** Written twice: the first state is in the past only. */
  readonly notes: number
  /** Never changed, and the same bytes as docs/copy. */
  readonly plan: number
  readonly past: BlobReference
  readonly current: BlobReference
  readonly shared: BlobReference
  /** Names of the two moments. */
  readonly first: string
  readonly second: string
}

/** Two published states, a minute from each other. The vault is left open. */
export async function scene(): Promise<Scene> {
  const world = await TestVault.open()
  const docs = await folder(world, 'docs')
  const notes = await put(world, docs, 'notes', randomBytes(1, 200_000))
  const plan = await put(world, rootIno, 'plan', randomBytes(2, 90_000))
  await world.vault.publishAll()
  const [past] = referencesOf(world, notes)
  const first = await newestMoment(world)
  world.clock.advance(60_000)
  await put(world, docs, 'notes', randomBytes(3, 200_000))
  await put(world, docs, 'copy', randomBytes(2, 90_000))
  await world.vault.publishAll()
  const second = await newestMoment(world)
  const [current] = referencesOf(world, notes)
  const [shared] = referencesOf(world, plan)
  if (past === undefined || current === undefined || shared === undefined) throw new Error('a file without a blob')
  return { world, notes, plan, past, current, shared, first, second }
}

async function newestMoment({ vault }: TestVault): Promise<string> {
  const moment = await vault.parts.history.newest()
  return new Date((moment?.sec ?? 0) * 1000).toISOString().slice(0, 19).replaceAll(':', '-') + 'Z'
}

/** Closed as an unmount leaves it, damaged, opened again. */
export async function damaged({ world }: Pick<Scene, 'world'>, damage: () => void | Promise<void>): Promise<TestVault> {
  await world.settle()
  await world.close()
  await damage()
  return await TestVault.open({ store: world.store, clock: world.clock })
}
