// How far a long request is. Sent when it changes, at most a few times a second.

export interface Progress {
  readonly phase: 'publishing' | 'syncing' | 'draining' | 'unmounting'
  /** What is still in flight. */
  readonly entries: number
  readonly bytes: number
}
export type OnProgress = (progress: Progress) => void
