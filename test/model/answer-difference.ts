// What differs between what a vault and the model answered, in words.
import type { Attributes, CreateReply } from '../../native-deps/fuse/handler.js'
import { attributeDifferences } from './vault-comparison.js'

/** Where two listings begin to differ. */
export function firstDifference(before: readonly string[], after: readonly string[]): string {
  const at = before.findIndex((line, index) => line !== after[index])
  return `  ${before.slice(at, at + 3).join('\n  ')}\nrebuilt:\n  ${after.slice(at, at + 3).join('\n  ')}`
}

/** What two answers to one request differ in; empty: nothing. */
export function answerDifference(found: unknown, wanted: unknown): string {
  if (typeof found === 'number' || typeof wanted === 'number') return found === wanted ? '' : `answers ${describe(found)}, wanted ${describe(wanted)}`
  const [a, b] = [attributesIn(found), attributesIn(wanted)]
  if (a === undefined || b === undefined) return ''
  const different = attributeDifferences(a, b)
  if (a.ino !== b.ino) different.push(`number ${String(a.ino)}, wanted ${String(b.ino)}`)
  return different.join(', ')
}

function describe(answer: unknown): string {
  return typeof answer === 'number' ? String(answer) : 'a success'
}

function attributesIn(answer: unknown): Attributes | undefined {
  if (typeof answer !== 'object' || answer === null) return undefined
  if ('attributes' in answer) return (answer as CreateReply).attributes
  return 'ino' in answer ? answer as Attributes : undefined
}
